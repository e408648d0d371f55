package dynamo_test

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/memory"
	"github.com/parley-bot/parley/memory/dynamo"
	"github.com/parley-bot/parley/memory/memorytest"
)

// denied is an answer that is not asked for again.
const denied = `{"__type":"com.amazonaws.dynamodb#AccessDeniedException","message":"cut"}`

// cut is a way to the emulator that can be cut: after so many requests every
// further one is refused, the first of them perhaps only after it was carried out.
type cut struct {
	left  atomic.Int64
	late  bool
	proxy *httputil.ReverseProxy
}

func (c *cut) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	left := c.left.Add(-1)
	if left >= 0 {
		c.proxy.ServeHTTP(w, r)
		return
	}
	if left == -1 && c.late {
		c.proxy.ServeHTTP(httptest.NewRecorder(), r)
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.WriteHeader(http.StatusBadRequest)
	_, _ = w.Write([]byte(denied))
}

func cutWay(t *testing.T, late bool) (*cut, *dynamo.Store) {
	t.Helper()
	target, err := url.Parse(emulator(t))
	if err != nil {
		t.Fatal(err)
	}
	c := &cut{late: late, proxy: httputil.NewSingleHostReverseProxy(target)}
	c.left.Store(1 << 40)
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	s, err := dynamo.Open(t.Context(), dynamo.Options{
		Region: "eu-central-1", Endpoint: server.URL, TablePrefix: "cut_" + strings.ToLower(rand.Text()) + "_",
		AccessKey: "test", SecretKey: "secret-of-the-test",
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.CreateTables(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c, s
}

// Wherever a call is cut short, the same call made again ends where one that
// was not cut ends, and adds nothing twice.
func TestCutShortAndMadeAgain(t *testing.T) {
	t.Parallel()
	emulator(t)
	for _, late := range []bool{false, true} {
		t.Run(fmt.Sprint("late ", late), func(t *testing.T) {
			t.Parallel()
			c, s := cutWay(t, late)
			for n := 0; ; n++ {
				if !cutAt(t, c, s, n) {
					return
				}
			}
		})
	}
}

// cutAt makes every kind of change in a place of its own and is cut after n
// requests each; it reports whether any was.
func cutAt(t *testing.T, c *cut, s *dynamo.Store, n int) (was bool) {
	t.Helper()
	tenant, now := fmt.Sprint("T", n), time.Now().UTC().Truncate(time.Microsecond)
	alice := memory.Person{Tenant: tenant, Platform: "slack", SenderID: "U1"}
	bob := memory.Person{Tenant: tenant, Platform: "slack", SenderID: "U2"}
	group := memory.Place{Tenant: tenant, Platform: "slack", Group: true, ID: "C1"}
	steps := []memory.Change{
		memory.Seen{Person: alice, Name: "Alice"},
		memory.Seen{Person: alice, Name: "Alice B."},
		memory.SetPreference{Person: alice, Key: "city", Value: "Paris"},
		memory.SetPreference{Person: alice, Key: "old", Value: "x"},
		memory.DeletePreference{Person: alice, Key: "old"},
		memory.Remember{Place: group, Key: "wifi", Value: "tea", Author: alice},
		memory.Remember{Place: group, Key: "door", Value: "left", Author: alice},
		memory.Forget{Place: group, Key: "door"},
		memory.Remember{Place: group, Key: "plan", Value: "wifi", Author: alice, Foreign: true},
		memory.Remember{Place: group, Key: "plan", Value: "wifi", Author: alice},
		memory.AddScore{Place: group, Board: memory.Kudos, Person: alice, N: 2, Reason: "why", By: bob},
		memory.CountCommand{Realm: memory.Realm{Tenant: tenant, Platform: "slack"}, Name: "kudos"},
		memory.Seen{Person: bob, Name: "Bob"},
		memory.Remember{Place: memory.Private(bob), Key: "pin", Value: "1", Author: bob},
		memory.AddScore{Place: memory.Private(bob), Board: memory.Kudos, Person: alice, N: 1, Reason: "private", By: bob},
		memory.ForgetPerson{Person: bob},
	}
	for i, step := range steps {
		e := memory.Effect{ID: fmt.Sprint(tenant, " step ", i), At: now}
		c.left.Store(int64(n))
		_, err := memorytest.Apply(t.Context(), nil, s, e, step)
		c.left.Store(1 << 40)
		was = was || err != nil
		if err != nil && (failure.KindOf(err) != failure.Permanent || strings.Contains(err.Error(), "secret-of-the-test")) {
			t.Errorf("%T cut after %d: %v", step, n, err)
		}
		for range 2 {
			if r, err := memorytest.Apply(t.Context(), nil, s, e, step); err != nil || !r[0].Done {
				t.Errorf("%T cut after %d and made again: %+v, %v", step, n, r, err)
			}
		}
	}
	type state struct {
		people, score, private int64
		facts                  int
		name                   string
		preferences            map[string]string
		uses                   []memory.Use
		alice, bob             memory.Footprint
	}
	var got state
	var err [9]error
	got.people, err[0] = s.People(t.Context(), memory.Realm{Tenant: tenant, Platform: "slack"})
	got.score, err[1] = s.Score(t.Context(), group, memory.Kudos, alice)
	got.private, err[2] = s.Score(t.Context(), memory.Private(bob), memory.Kudos, alice)
	_, got.facts, err[3] = s.SearchFacts(t.Context(), group, "wifi door", 10)
	got.name, err[4] = s.Name(t.Context(), alice)
	got.preferences, err[5] = s.Preferences(t.Context(), alice)
	got.uses, err[6] = s.CommandUses(t.Context(), memory.Realm{Tenant: tenant, Platform: "slack"})
	got.alice, err[7] = s.Footprint(t.Context(), alice)
	got.bob, err[8] = s.Footprint(t.Context(), bob)
	want := state{
		people: 1, score: 2, facts: 2, name: "Alice B.", preferences: map[string]string{"city": "Paris"},
		uses:  []memory.Use{{Name: "kudos", Count: 1}},
		alice: memory.Footprint{Preferences: 1, Authored: 2, Scores: 1, Name: true},
	}
	if err != [9]error{} || !reflect.DeepEqual(got, want) {
		t.Errorf("cut after %d requests:\n got %+v\nwant %+v\n%v", n, got, want, err)
	}
	return was
}
