package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-bot/parley/ai"
	"github.com/parley-bot/parley/gateway/budget"
	"github.com/parley-bot/parley/gateway/usage"
	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/internal/database/dbtest"
	"github.com/parley-bot/parley/internal/fakes/fakecallback"
	"github.com/parley-bot/parley/internal/fakes/fakeopenai"
	"github.com/parley-bot/parley/memory"
)

const (
	payers      = 36   // people who ask one question each, in one chat
	undisturbed = 12   // of them who ask when no replica is killed any more
	longAnswer  = 1000 // what is reserved beside a prompt
	cutAfter    = 3    // pieces of an answer that come before its stream is cut
	budgetKills = 4
)

// TestBudgetsThroughKills kills replicas while they answer, some of them in streams
// that are cut. What is settled is what the model has reported, of a cut stream what
// was sent and what came of it; what nobody could settle counts as it was reserved;
// and nothing stays reserved.
func TestBudgetsThroughKills(t *testing.T) {
	t.Parallel()
	for _, engine := range dbtest.Engines() {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			budgetsThroughKills(t, engine)
		})
	}
}

func budgetsThroughKills(t *testing.T, engine database.Engine) {
	t.Helper()
	w := newWorld(t)
	names := []string{"a"}
	if engine != database.SQLite {
		w.database = dbtest.URL(t, engine)
		names = append(names, "b")
	}
	script := make([]fakeopenai.Step, 6*payers)
	for i := range script {
		script[i] = fakeopenai.Step{Think: time.Duration(i%7) * 20 * time.Millisecond, Pause: 5 * time.Millisecond}
		if i%5 == 1 {
			script[i].CutAfter = cutAfter
		}
	}
	w.openai.Script(script...)
	w.openai.Always(script[0])
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	replicas, s := map[string]*process{}, newSender("")
	for _, name := range names {
		replicas[name] = spawnPayer(t, w, name)
		s.url.Store(&replicas[name].url)
	}
	ask := func(from, to int) (asked *sync.WaitGroup) {
		asked = new(sync.WaitGroup)
		for i := from; i < to; i++ {
			asked.Go(func() {
				if !s.send(ctx, w.paid(ctx, i)) {
					t.Errorf("question %d was never accepted", i)
				}
			})
		}
		return asked
	}
	db, err := database.Open(ctx, database.Options{URL: w.database, DataDir: w.dir})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	held := int64(0)
	var asked []*sync.WaitGroup
	const each = (payers - undisturbed) / budgetKills
	for k := range budgetKills { // each with questions of its own: there is something to kill
		victims, release := names[k%len(names):][:1], func() {}
		if k == budgetKills-1 { // whoever makes the call that is seen dies during it
			victims, release = names, w.openai.Hold()
		}
		before := len(w.openai.Calls())
		asked = append(asked, ask(k*each, (k+1)*each))
		if held == 0 {
			held = reservation(ctx, t, db)
		}
		if _, err := w.openai.WaitCalls(ctx, before+1); err != nil {
			t.Fatal(err)
		}
		if k < budgetKills-1 {
			pause(ctx, rand.N(60*time.Millisecond))
		}
		for _, name := range victims {
			replicas[name].kill()
		}
		release()
		for _, name := range victims {
			replicas[name] = spawnPayer(t, w, name)
			s.url.Store(&replicas[name].url)
		}
	}
	for _, group := range asked {
		group.Wait()
	}
	ask(payers-undisturbed, payers).Wait()
	if replies, err := w.callback.WaitReplies(ctx, payers); err != nil {
		t.Fatalf("%d of %d replies, %v", len(replies), payers, err)
	}
	for _, p := range replicas {
		p.stop() // once all is settled that anybody lives to settle
	}
	w.settled(t, db, held, script)
}

// reservation is what is reserved for a call, the same for everybody.
func reservation(ctx context.Context, t *testing.T, db *database.DB) (tokens int64) {
	t.Helper()
	for tokens == 0 && ctx.Err() == nil {
		var least int64
		err := db.Read().NewRaw(`SELECT COALESCE(MAX(tokens), 0), COALESCE(MIN(tokens), 0) FROM budget_holds`).Scan(ctx, &tokens, &least)
		if err != nil || tokens != least {
			t.Fatalf("%d to %d tokens are reserved, %v", least, tokens, err)
		}
		pause(ctx, time.Millisecond)
	}
	return tokens
}

func spawnPayer(t *testing.T, w *world, name string) *process {
	t.Helper()
	return w.spawn(t, name, "PARLEY_AI__BUDGET__TOKENS_PER_USER=1000000", "PARLEY_AI__BUDGET__TOKENS_PER_CHAT=1000000000",
		fmt.Sprint("PARLEY_AI__MAX_OUTPUT_TOKENS=", longAnswer), "PARLEY_GATEWAY__MAX_ATTEMPTS=50", "PARLEY_AI__BUDGET__PERIOD=month")
}

// paid is the question of one person.
func (w *world) paid(ctx context.Context, i int) func(url string) *http.Request {
	return func(url string) *http.Request {
		body, _ := json.Marshal(map[string]string{"sender_id": payer(i), "chat_id": "room", "chat_type": "group", "text": "question " + payer(i)})
		req, _ := fakecallback.SignedRequest(ctx, genericSecret, "evt-"+payer(i), time.Now(), url+"/webhooks/generic", body)
		return req
	}
}

// payer is the name of somebody; all have the same number of tokens.
func payer(i int) string { return fmt.Sprint(1000 + i) }

// bill is what the model has done for one person.
type bill struct {
	calls, cuts int64 // those that were cut are calls, too
	reported    int64 // of an answer
}

// bills reads them from the model's calls.
func (w *world) bills(script []fakeopenai.Step) map[string]bill {
	all := map[string]bill{}
	for _, call := range w.openai.Calls() {
		text := call.LastUserText()
		who := text[strings.LastIndex(text, " ")+1:]
		b := all[who]
		b.calls++
		if call.Number <= len(script) && script[call.Number-1].CutAfter > 0 {
			b.cuts++
		}
		b.reported = int64(len(strings.Fields("reply to: " + text))) // the fake counts words
		for _, m := range call.Messages {
			b.reported += int64(len(strings.Fields(m.Content)))
		}
		all[who] = b
	}
	return all
}

// settled compares what is used of the budgets with what the model has done.
func (w *world) settled(t *testing.T, db *database.DB, held int64, script []fakeopenai.Step) {
	t.Helper()
	ctx := t.Context()
	// Time passes: what belongs to processes that are no more expires.
	if err := db.Write(ctx, func(ctx context.Context, tx database.Tx) error {
		_, err := db.Exec(ctx, tx, `UPDATE budget_holds SET expires_at = 1`)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	states, err := budget.New(db, budget.Limits{Person: 1, Chat: 1, Monthly: true}, time.Minute).List(ctx)
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]int64{}
	for i := range states {
		if used[states[i].ID] = states[i].Used; states[i].Reserved != 0 {
			t.Errorf("%s: %d stay reserved", states[i].ID, states[i].Reserved)
		}
	}
	cut := held - longAnswer + ai.NewCounter().Count("reply to: question ") // its pieces until it is cut
	bills := w.bills(script)
	var all, cuts, expired int64
	for i := range payers {
		b, id := bills[payer(i)], "generic//user:"+payer(i)
		var lost int64 // calls that nobody lives to settle
		err := db.Read().NewRaw(`SELECT COUNT(*) FROM budget_holds WHERE settled = 1 AND who = ?`, usage.PersonKeys(memory.Person{Platform: "generic", SenderID: payer(i)})[0]).Scan(ctx, &lost)
		if err != nil {
			t.Fatal(err)
		}
		rest := used[id] - b.reported - lost*held
		n := rest / cut
		if rest != n*cut || n < 0 || n > b.cuts || b.cuts-n > lost || b.calls > 1+n+lost || i >= payers-undisturbed && lost > 0 {
			t.Errorf("%s: %d are used, with an answer at %d, %d calls lost at %d, and of %d calls %d cut at %d",
				payer(i), used[id], b.reported, lost, held, b.calls, b.cuts, cut)
		}
		all, cuts, expired = all+used[id], cuts+n, expired+lost
	}
	if got := used["generic//chat:room"]; got != all {
		t.Errorf("%d are used in the chat, %d by those in it", got, all)
	}
	if cuts == 0 || expired == 0 {
		t.Errorf("%d streams were cut, and %d calls lost", cuts, expired)
	}
	t.Logf("%s: %d calls for %d answers, %d streams cut, %d calls lost, %d tokens", db.Engine(), len(w.openai.Calls()), payers, cuts, expired, all)
}
