// Package slack is the Slack platform: events, slash commands and buttons come
// in through one signed URL, replies go out with chat.postMessage.
//
// Slack has no idempotency key for sending. So every message carries the
// part's key in its metadata, and a send whose outcome is unknown is looked up
// there (Find) before anybody repeats it. That needs the history scopes. A
// file takes three calls, the last of which shows it; its key is in its name.
//
// What Slack's documentation says is cited by page; docs/slack.md tells how to
// set up the app.
package slack
