package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestBar(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	b := newBar(&out, "restore", func() time.Time { return now })
	for _, step := range []struct {
		after       time.Duration
		done, total int64
		want        string
	}{
		{0, 0, 200, ""}, // what takes no time is not shown
		{barPeriod, 50, 200, "\r\x1b[Krestore [=======                       ]  25 % 0s"},
		{barPeriod - 1, 60, 200, ""},
		{1, 70, 200, "\r\x1b[Krestore [==========                    ]  35 % 0s"},
		{2 * time.Second, 200, 200, "\r\x1b[Krestore [==============================] 100 % 2s"},
		{barPeriod, 300, 200, "\r\x1b[Krestore [==============================] 100 % 2s"},
		{barPeriod, -1, 200, "\r\x1b[Krestore [                              ]   0 % 2s"},
		{barPeriod, 12, 0, "\r\x1b[Krestore 12 3s"},
	} {
		now = now.Add(step.after)
		out.Reset()
		if b.tell(step.done, step.total); out.String() != step.want {
			t.Errorf("%d of %d: %q, want %q", step.done, step.total, out.String(), step.want)
		}
	}
	for _, want := range []string{"\r\x1b[K", ""} {
		out.Reset()
		if b.end(); out.String() != want {
			t.Errorf("the end is %q, want %q", out.String(), want)
		}
	}
}

// A pipe gets no bar, however long the work takes.
func TestNoBarOnAPipe(t *testing.T) {
	t.Parallel()
	p, out, errs := newProgram("", nil)
	tell, end := p.progress("restore")
	if tell != nil {
		t.Error("there is a bar")
	}
	end()
	if strings.TrimSpace(out.String()+errs.String()) != "" {
		t.Errorf("wrote %q, %q", out, errs)
	}
}
