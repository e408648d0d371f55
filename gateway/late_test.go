package gateway_test

import (
	"strings"
	"testing"

	"github.com/parley-bot/parley/internal/database/dbtest"
)

// Who begins to listen when the reply is there already is handed all of it: a
// program that puts the pieces together has the whole.
func TestPiecesForALateListener(t *testing.T) {
	t.Parallel()
	w := process(t, dbtest.New(t), &model{reply: repeating}, &chat{}, options{owner: "me"})
	w.start()
	a := w.accept(said("e1", "one"))[0]
	w.final(a)
	var pieces []string
	s, err := w.gateway.Wait(t.Context(), a, func(text string) { pieces = append(pieces, text) })
	if err != nil {
		t.Fatal(err)
	}
	same(t, "pieces", pieces, []string{"re one"})
	same(t, "reply", []string{s.Reply.Text}, []string{strings.Join(pieces, "")})
}
