// Package fakefeishu is a server that speaks the part of Feishu's open API
// that a bot needs, over HTTP, and can misbehave on request; and it builds the
// webhooks that Feishu would send. It is for tests and for trying things out
// without a Feishu app; it does not import testing.
//
//	lark, err := fakefeishu.Start()
//	defer lark.Close()
//	lark.Misbehave(fakefeishu.Reply, fakefeishu.RateLimited(3), fakefeishu.TakeThenCut())
//	… base_url: lark.URL() …
//	event := fakefeishu.MessageEvent(fakefeishu.Message{Text: "hello"})
//	header, body := fakefeishu.SignedRequest("encrypt key", time.Now(), event)
//	… POST them to /webhooks/feishu …
//	shown, err := lark.WaitMessages(ctx, 1)
//
// The cryptography is its own, written from Feishu's documents, so that a
// mistake in the adapter or in the SDK does not cancel itself out.
package fakefeishu
