package slack_test

import (
	"testing"

	"github.com/parley-bot/parley/internal/fakes/fakeslack"
	"github.com/parley-bot/parley/platforms/slack"
)

// BenchmarkReceive is what reading one direct message costs, its signature included.
func BenchmarkReceive(b *testing.B) {
	a := newAdapter(b, slack.Options{SigningSecret: secret})
	r := signed(fakeslack.MessageEvent(fakeslack.Event{EventID: "Ev1", Channel: "D00000001", Text: "How far is it to the moon?", TS: ts}))
	b.SetBytes(int64(len(r.Body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Receive(b.Context(), r); err != nil {
			b.Fatal(err)
		}
	}
}
