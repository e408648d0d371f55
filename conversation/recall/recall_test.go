package recall_test

import (
	_ "embed"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/conversation/recall"
)

//go:embed testdata/chinese.txt
var chinese string

// Of Chinese messages the one that answers comes first.
func TestChinese(t *testing.T) {
	t.Parallel()
	var docs []recall.Document
	var questions []string
	for line := range strings.Lines(chinese) {
		said, question, _ := strings.Cut(strings.TrimSpace(line), "|")
		n := len(docs)
		docs = append(docs, recall.Document{ID: int64(n + 1), Text: said, Time: time.Date(2026, 3, 1+n/8, 9, n, 0, 0, time.UTC)})
		questions = append(questions, question)
	}
	blocks := pack(docs)
	first := 0
	for i, question := range questions {
		hits := rank(t, blocks, question)
		if len(hits) > 0 && hits[0].ID == docs[i].ID {
			first++
			continue
		}
		t.Logf("%s is not answered by %s", question, docs[i].Text)
	}
	t.Logf("%d of %d questions find their answer in the first place", first, len(questions))
	if len(questions) < 60 || first*10 < len(questions)*9 {
		t.Errorf("%d of %d", first, len(questions))
	}
}

// One text is found by one word: what forms of words and of characters are the same.
func TestTerms(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text, query string
		found       bool
	}{
		{"She was running late", "runs", true},
		{"Caroline’s book", "caroline", true},
		{"I don't know", "dont", true},
		{"ＦＵＬＬ width", "full", true},
		{"Cafe\u0301", "café", true},
		{"Ärger", "ärger", true},
		{"東京タワー", "東京", true},
		{"我的猫喜欢睡觉", "猫", true},
		{"我的猫喜欢睡觉", "狗", false},
		{"who are you", "who are you", true},
		{"hello", "", false},
		{"hello", "🥇 ?!", false},
		{"said on a day", "1 March 2026", true},
		{"said on a day", "2 April 2025", false},
		{"version 2.10", "10", true},
		{strings.Repeat("x", 5000), strings.Repeat("x", 5000), false}, // no word
	} {
		blocks := pack([]recall.Document{{ID: 1, Text: tt.text, Author: "Ben", Time: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)}})
		if got := len(rank(t, blocks, tt.query)) > 0; got != tt.found {
			t.Errorf("%q in %q: %t", tt.query, tt.text, got)
		}
	}
}

// Who is named has said it, who asks has not, and words near an answer count.
func TestWeights(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	doc := func(id int64, author, text string, days int) recall.Document {
		return recall.Document{ID: id, Text: text, Author: author, Time: at.AddDate(0, 0, days)}
	}
	for name, tt := range map[string]struct {
		docs  []recall.Document
		query string
		want  int64
	}{
		"author":    {[]recall.Document{doc(1, "Ben", "I like tea", 0), doc(2, "Anna", "I like tea", 9)}, "What does Anna like? tea", 2},
		"question":  {[]recall.Document{doc(1, "", "You like tea?", 0), doc(2, "", "I like tea", 9)}, "tea", 2},
		"neighbour": {[]recall.Document{doc(1, "", "tea", 0), doc(2, "", "nothing", 9), doc(3, "", "tea", 18), doc(4, "", "green", 18)}, "tea green", 4},
		"day":       {[]recall.Document{doc(1, "", "tea", 0), doc(2, "", "tea", 9)}, "tea on 10 March", 2},
	} {
		if hits := rank(t, pack(tt.docs), tt.query); len(hits) == 0 || hits[0].ID != tt.want {
			t.Errorf("%s: %+v, want %d first", name, hits, tt.want)
		}
	}
}

// Limits bound what is returned, the best of all.
func TestBest(t *testing.T) {
	t.Parallel()
	var docs []recall.Document
	for i := range int64(600) {
		docs = append(docs, recall.Document{ID: i + 1, Text: strings.Repeat("tea ", int(i%5)), Time: time.Unix(86400*30*i, 0)})
	}
	q := func() *recall.Question {
		q := recall.Ask("tea")
		for n, block := range pack(docs) {
			if err := q.Add(int64(n)*recall.BlockSize, 101, block); err != nil {
				t.Fatal(err)
			}
		}
		return q
	}
	all, few := q().Best(1000, time.Time{}, time.Time{}), q().Best(7, time.Time{}, time.Time{})
	if len(all) != 400 || fmt.Sprint(all[:7]) != fmt.Sprint(few) || few[0].ID != 105 {
		t.Errorf("%d in all, %v", len(all), few)
	}
	if got := q().Best(1000, time.Unix(86400*30*200, 0), time.Unix(86400*30*204, 0)); len(got) != 4 {
		t.Errorf("within days: %v", got)
	}
}

// A damaged block is an error or other numbers, never a panic.
func FuzzBlock(f *testing.F) {
	f.Add([]byte(recall.Pack([]recall.Document{{ID: 1, Text: "tea and more tea", Author: "Ben", Time: time.Unix(1e9, 0)}, {ID: 3, Text: "猫咪 milk?"}})))
	f.Add([]byte{1, 0, 255, 255})
	f.Fuzz(func(t *testing.T, block []byte) {
		q := recall.Ask("tea 猫咪 on 9 September 2001")
		if err := q.Add(256, 0, block); err == nil {
			q.Best(10, time.Time{}, time.Time{})
		}
	})
}
