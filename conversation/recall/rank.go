package recall

import (
	"math"
	"slices"
	"sort"
	"strings"
	"time"
)

// The weights of the ranking.
const (
	k1 = 1.2
	b  = 0.5

	before   = 0.7 // the words of the message before
	after    = 0.5
	twoAway  = 0.3
	ofDay    = 1.0
	named    = 1.6 // whose author the question names
	question = 0.8 // that asks itself
)

// maxTerms bounds how many terms of a question are looked for.
const maxTerms = 64

// Question is what is looked for. Messages are added in the order of their ids.
type Question struct {
	terms []uint32
	docs  []doc
	tf    [][]place // of each term
	apart bool      // messages have nothing to do with each other
}

// doc is a message that is ranked.
type doc struct {
	id       int64
	length   uint8
	question bool
	named    bool
	day      uint16
}

// place is how often a message has a term.
type place struct {
	doc   int32
	times float32
}

// Ask returns the question that a text asks. Of one that only has stop words
// these are looked for.
func Ask(text string) *Question {
	var all, telling []uint32
	add := func(term string) {
		if hash := hashOf(term); len(all) < maxTerms && !slices.Contains(all, hash) {
			all = append(all, hash)
			if !stopWords[hash] {
				telling = append(telling, hash)
			}
		}
	}
	alone := ""
	eachTerm(text, add, func(single string) { alone = single })
	q := &Question{terms: telling}
	if len(telling) == 0 {
		q.terms = all
	}
	if len(q.terms) == 1 && q.terms[0] == hashOf(alone) { // one character: within words, too
		q.terms[0] = hashOf("=" + alone)
	}
	q.tf = make([][]place, len(q.terms))
	return q
}

// Empty reports whether there is nothing to look for.
func (q *Question) Empty() bool { return len(q.terms) == 0 }

// Add has the messages of a block ranked whose ids are at least from. base is
// the id of the block's first place.
func (q *Question) Add(base, from int64, block Block) error {
	o, err := block.open()
	if err != nil {
		return err
	}
	isNamed := make([]bool, len(o.names))
	for i, name := range o.names {
		isNamed[i] = slices.ContainsFunc(name, func(term uint32) bool { return slices.Contains(q.terms, term) })
	}
	var index [BlockSize]int32 // of messages among all; -1: not there
	for i := range index {
		index[i] = -1
	}
	for i := range len(o.heads) / messageBytes {
		head := o.heads[messageBytes*i:]
		d := doc{
			id: base + int64(head[0]), length: head[3], question: head[2]&flagQuestion != 0,
			named: int(head[1]) < len(isNamed) && isNamed[head[1]], day: uint16(head[4]) | uint16(head[5])<<8,
		}
		if d.id >= from {
			index[i] = int32(len(q.docs))
			q.docs = append(q.docs, d)
		}
	}
	for t, term := range q.terms {
		for _, n := range o.with(term) {
			i := index[n]
			switch last := len(q.tf[t]) - 1; {
			case i < 0:
			case last >= 0 && q.tf[t][last].doc == i:
				q.tf[t][last].times++
			default:
				q.tf[t] = append(q.tf[t], place{i, 1})
			}
		}
	}
	return nil
}

// Scores returns how well each of several texts answers a question that have
// nothing to do with each other; 0 is not at all.
func Scores(text string, among []string) []float64 {
	q := Ask(text)
	q.apart = true
	for base := 0; base < len(among); base += BlockSize {
		var docs []Document
		for i, text := range among[base:min(base+BlockSize, len(among))] {
			docs = append(docs, Document{ID: int64(base + i), Text: text})
		}
		if err := q.Add(int64(base), 0, Pack(docs)); err != nil {
			panic(err) // it was packed just now
		}
	}
	scores := make([]float64, len(among))
	for _, hit := range q.Best(len(among), time.Time{}, time.Time{}) {
		scores[hit.ID] = hit.Score
	}
	return scores
}

// Hit is a message that was found.
type Hit struct {
	ID    int64
	Score float64
}

// Best returns the n messages that match best, the best first, of days from
// since to until where those are set.
func (q *Question) Best(n int, since, until time.Time) []Hit {
	first, last := dayOf(since), dayOf(until)
	var hits []Hit
	for i, score := range q.scores() {
		d := &q.docs[i]
		if score == 0 || d.day < first || last > 0 && d.day > last {
			continue
		}
		if d.named {
			score *= named
		}
		if d.question {
			score *= question
		}
		hits = insert(hits, n, Hit{d.id, float64(score)})
	}
	return hits
}

// insert puts a hit into its place among the n best. Of equal ones the earlier
// message is better.
func insert(hits []Hit, n int, hit Hit) []Hit {
	if len(hits) == n {
		if n == 0 || hits[n-1].Score >= hit.Score {
			return hits
		}
		hits = hits[:n-1]
	}
	at := sort.Search(len(hits), func(i int) bool { return hits[i].Score < hit.Score })
	return slices.Insert(hits, at, hit)
}

// scores returns the BM25 score of each message. Both its length and how many
// have a term at all are counted with what is around it.
func (q *Question) scores() []float32 {
	around := spread{counts: make([]float32, len(q.docs)), near: make([]uint8, len(q.docs))}
	norms := q.norms(&around)
	days := q.days()
	scores := make([]float32, len(q.docs))
	for t, places := range q.tf {
		for _, p := range places {
			around.add(p.doc, p.times)
		}
		q.addDays(&around, days[t])
		having := float64(len(around.seen))
		idf := float32(math.Log(1+(float64(len(q.docs))-having+0.5)/(having+0.5)) * (k1 + 1))
		for _, i := range around.seen {
			tf := around.counts[i]
			around.counts[i] = 0
			scores[i] += idf * tf / (tf + norms[i])
		}
		around.seen = around.seen[:0]
	}
	return scores
}

// norms returns what BM25 adds to the count of a term in each message: more
// for one that is long with what is around it. It finds out who is near whom.
func (q *Question) norms(around *spread) []float32 {
	norms, sum := make([]float32, len(q.docs)), float32(0)
	for i := range q.docs {
		for n := range reach {
			other := i + reach[n].step
			if other < 0 || other >= len(q.docs) || q.apart && other != i {
				continue
			}
			if apart := int(q.docs[other].day) - int(q.docs[i].day); -1 <= apart && apart <= 1 {
				around.near[i] |= 1 << n
				norms[other] += float32(q.docs[i].length)
				sum += float32(q.docs[i].length)
			}
		}
	}
	average := max(1, sum) / float32(max(1, len(norms)))
	for i := range norms {
		norms[i] = k1 * (1 - b + b*norms[i]/average)
	}
	return norms
}

// addDays counts the words of days.
func (q *Question) addDays(around *spread, days map[uint16]bool) {
	if len(days) == 0 {
		return
	}
	last, is := uint16(0), false
	for i := range q.docs {
		if day := q.docs[i].day; day != last {
			last, is = day, days[day]
		}
		if is {
			around.count(int32(i), ofDay)
		}
	}
}

// reach are the messages that a message's words count for, and how much:
// itself, and those around it that were said at most a day apart.
//
//nolint:gochecknoglobals // a table that nothing changes
var reach = [5]struct {
	step   int
	weight float32
}{{0, 1}, {1, before}, {-1, after}, {2, twoAway}, {-2, twoAway}}

// spread adds up how often each message has a term, with what is around it.
type spread struct {
	counts []float32
	near   []uint8 // bits by reach
	seen   []int32 // that have it at all
}

func (s *spread) add(i int32, times float32) {
	near := s.near[i]
	for n := range reach {
		if near&(1<<n) != 0 {
			s.count(i+int32(reach[n].step), times*reach[n].weight)
		}
	}
}

func (s *spread) count(i int32, times float32) {
	if s.counts[i] == 0 {
		s.seen = append(s.seen, i)
	}
	s.counts[i] += times
}

// days returns for each term the days whose words have it.
func (q *Question) days() []map[uint16]bool {
	found := make([]map[uint16]bool, len(q.terms))
	last := uint16(0)
	known := map[uint16]bool{0: true}
	for i := range q.docs {
		day := q.docs[i].day
		if day == last || known[day] {
			continue
		}
		last, known[day] = day, true
		for _, term := range termsOf(dayWords(day)) {
			if t := slices.Index(q.terms, term); t >= 0 {
				if found[t] == nil {
					found[t] = map[uint16]bool{}
				}
				found[t][day] = true
			}
		}
	}
	return found
}

// dayWords returns what a question may call a day.
func dayWords(day uint16) string {
	t := time.Unix(int64(day)*24*60*60, 0).UTC()
	return strings.ToLower(t.Format("2 January 2006 Monday ")) + t.Format("2006年1月2日")
}
