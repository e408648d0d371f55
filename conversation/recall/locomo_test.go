package recall_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/conversation/recall"
)

// sample is a dialog of LoCoMo with its questions.
type sample struct {
	ID           string                     `json:"sample_id"`
	Conversation map[string]json.RawMessage `json:"conversation"`
	QA           []struct {
		Question string   `json:"question"`
		Evidence []string `json:"evidence"`
		Category int      `json:"category"`
	} `json:"qa"`
}

type utterance struct {
	Speaker string `json:"speaker"`
	ID      string `json:"dia_id"`
	Text    string `json:"text"`
	Caption string `json:"blip_caption"`
}

// dialog returns what was said, in order, and the ids by their names there.
func (s *sample) dialog(t *testing.T) (docs []recall.Document, ids map[string]int64) {
	t.Helper()
	ids = map[string]int64{}
	for n := 1; ; n++ {
		raw, ok := s.Conversation[fmt.Sprintf("session_%d", n)]
		if !ok {
			if _, more := s.Conversation[fmt.Sprintf("session_%d_date_time", n)]; more {
				continue
			}
			return docs, ids
		}
		var said []utterance
		var when string
		if err := cmp.Or(json.Unmarshal(raw, &said), json.Unmarshal(s.Conversation[fmt.Sprintf("session_%d_date_time", n)], &when)); err != nil {
			t.Fatal(err)
		}
		at, err := time.Parse("3:04 pm on 2 January, 2006", when)
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range said {
			id := int64(len(docs) + 1)
			ids[u.ID] = id
			docs = append(docs, recall.Document{ID: id, Text: strings.TrimSpace(u.Text + "\n" + u.Caption), Author: u.Speaker, Time: at})
		}
	}
}

var evidence = regexp.MustCompile(`D:?(\d+):0*(\d+)`)

// TestLoCoMo prints how much of what answers a question is found, and holds it
// to the goals. The data may not be spread with the program, so the environment
// names the file.
func TestLoCoMo(t *testing.T) {
	t.Parallel()
	file := os.Getenv("PARLEY_LOCOMO")
	if file == "" {
		t.Skip("left out: PARLEY_LOCOMO does not name the data (locomo10.json)")
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var samples []sample
	if err := json.Unmarshal(data, &samples); err != nil {
		t.Fatal(err)
	}
	heldOut := []string{"conv-44", "conv-47", "conv-48", "conv-49", "conv-50"}
	var all, held figures
	for i := range samples {
		s := &samples[i]
		docs, ids := s.dialog(t)
		blocks := pack(docs)
		for _, qa := range s.QA {
			if qa.Category > 4 || len(qa.Evidence) == 0 {
				continue
			}
			var wanted []int64 // 0: it names nothing
			for _, m := range evidence.FindAllStringSubmatch(strings.Join(qa.Evidence, " "), -1) {
				if id := ids["D"+m[1]+":"+m[2]]; id == 0 || !slices.Contains(wanted, id) {
					wanted = append(wanted, id)
				}
			}
			hits := rank(t, blocks, qa.Question)
			all.count(hits, wanted)
			if slices.Contains(heldOut, s.ID) {
				held.count(hits, wanted)
			}
		}
	}
	t.Logf("\n| | questions | recall@1 | @5 | @10 | @20 | MRR |\n| --- | --- | --- | --- | --- | --- | --- |\n%s%s", all.row("all"), held.row("held out"))
	n := all.questions
	if n != 1536 || all.at[2]/n < 0.78 || all.at[3]/n < 0.83 || all.first/n < 0.60 || held.at[2]/held.questions < 0.76 {
		t.Error("below the goals: 1,536 questions, recall@10 0.78, @20 0.83, MRR 0.60; @10 0.76 on what was held out")
	}
}

// pack returns documents as blocks.
func pack(docs []recall.Document) (blocks []recall.Block) {
	for len(docs) > 0 {
		n := int64(len(blocks))
		end := slices.IndexFunc(docs, func(d recall.Document) bool { return d.ID/recall.BlockSize != n })
		if end < 0 {
			end = len(docs)
		}
		blocks, docs = append(blocks, recall.Pack(docs[:end])), docs[end:]
	}
	return blocks
}

func rank(tb testing.TB, blocks []recall.Block, text string) []recall.Hit {
	tb.Helper()
	q := recall.Ask(text)
	for n, block := range blocks {
		if err := q.Add(int64(n)*recall.BlockSize, 0, block); err != nil {
			tb.Fatal(err)
		}
	}
	return q.Best(1000, time.Time{}, time.Time{})
}

var cuts = [4]int{1, 5, 10, 20}

// figures are sums over questions.
type figures struct {
	questions float64
	at        [4]float64
	first     float64
}

func (f *figures) count(hits []recall.Hit, wanted []int64) {
	f.questions++
	for c, k := range cuts {
		found := 0
		for _, hit := range hits[:min(k, len(hits))] {
			if slices.Contains(wanted, hit.ID) {
				found++
			}
		}
		f.at[c] += float64(found) / float64(max(1, len(wanted)))
	}
	for i, hit := range hits {
		if slices.Contains(wanted, hit.ID) {
			f.first += 1 / float64(i+1)
			break
		}
	}
}

func (f *figures) row(name string) string {
	row := fmt.Sprintf("| %s | %.0f", name, f.questions)
	for _, sum := range f.at {
		row += fmt.Sprintf(" | %.3f", sum/f.questions)
	}
	return row + fmt.Sprintf(" | %.3f |\n", f.first/f.questions)
}
