// Package generic is the platform of programs: any of them may write to the
// bot with one HTTP request whose body is one JSON object. The request is signed
// as Standard Webhooks say (https://www.standardwebhooks.com), or carries a token.
//
// A program reads its reply over HTTP, from the answer to its own request or
// later by the event's id. Where the source has a callback URL the reply is
// also POSTed there, signed the same way. Its webhook-id stays the same however
// often it is sent, so a receiver that keeps the ids it has seen, as Standard
// Webhooks ask of it, takes each reply once.
//
// In a group a program always means the bot: every message counts as a mention.
package generic
