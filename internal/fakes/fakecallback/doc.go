// Package fakecallback is a program on the other side of the generic platform:
// it signs requests to a source, and its server takes the replies that Parley
// posts to a callback URL. It is for tests and for trying things out; it does
// not import testing. What it knows of Standard Webhooks
// (https://www.standardwebhooks.com) is its own, so that it can catch a mistake
// of ours.
//
//	program, err := fakecallback.Start(fakecallback.Options{Secret: secret})
//	defer program.Close()
//	program.Script(fakecallback.Answer(503), fakecallback.TakeThenCut())
//	… callback_url: program.URL() …
//	replies, err := program.WaitReplies(ctx, 1) // once, although it was sent three times
package fakecallback
