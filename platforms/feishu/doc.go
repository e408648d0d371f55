// Package feishu is the Feishu (Lark) platform: self-built apps whose events
// and card actions arrive by webhook and whose replies go out through the IM
// API.
//
// In: a request is verified here and not by the SDK's dispatcher, which checks
// no freshness, compares with == and, without an encrypt key, lets anything
// through. See verify.go for the rules and message.go, card.go for what
// becomes of the body.
//
// Out: a part is one text message, or one file, which is uploaded first. The
// message carries the part's key as Feishu's uuid, under which at most one is
// shown within an hour; that is what makes a repeat after an unknown outcome
// safe (see [Adapter.Find]).
//
// The adapter keeps two things that can be asked for again at any time: the
// tenant access token and the bot's own open_id.
package feishu
