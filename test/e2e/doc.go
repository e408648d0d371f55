// Package e2e runs the whole program, by the same composition root as the
// command line, against fake Slack, Feishu and OpenAI servers that speak the
// real protocols over HTTP.
package e2e
