package admin

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/web/respond"
)

// The days that usage is told for.
const (
	usageDays    = 30
	maxUsageDays = 366
)

// list is the form of every answer that holds several things.
type list[T any] struct {
	Items      []T    `json:"items"`
	NextCursor string `json:"next_cursor"` // "" on the last page
}

// whole returns a list that has only one page. JSON shows no items as [].
func whole[T any](items []T) list[T] {
	if items == nil {
		items = []T{}
	}
	return list[T]{Items: items}
}

func (a *admin) listJobs(w http.ResponseWriter, r *http.Request) error {
	jobs, err := a.o.Jobs.List(r.Context())
	if err != nil {
		return err
	}
	respond.JSON(w, http.StatusOK, whole(jobs))
	return nil
}

func (a *admin) runJob(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("name")
	if err := a.o.Jobs.RunNow(r.Context(), name); err != nil {
		return err
	}
	respond.JSON(w, http.StatusAccepted, struct {
		Status string `json:"status"`
		Name   string `json:"name"`
	}{"accepted", name})
	return nil
}

func (a *admin) stats(w http.ResponseWriter, r *http.Request) error {
	stats, err := a.o.Stats.Stats(r.Context())
	if err != nil {
		return err
	}
	respond.JSON(w, http.StatusOK, stats)
	return nil
}

func (a *admin) usage(w http.ResponseWriter, r *http.Request) error {
	days, err := wholeNumber(r, "days", usageDays, maxUsageDays)
	if err != nil {
		return err
	}
	rows, err := a.o.Usage.Usage(r.Context(), days)
	if err != nil {
		return err
	}
	respond.JSON(w, http.StatusOK, whole(rows))
	return nil
}

func (a *admin) budgets(w http.ResponseWriter, r *http.Request) error {
	list, err := a.o.Budgets(r.Context())
	if err != nil {
		return err
	}
	respond.JSON(w, http.StatusOK, whole(list))
	return nil
}

// wholeNumber reads a query parameter from 1 to most.
func wholeNumber(r *http.Request, name string, standard, most int) (int, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return standard, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, failure.New(failure.Invalid, "invalid_"+name, fmt.Sprintf("%s must be a whole number from 1 to %d", name, most), err)
	}
	return n, nil
}

// moment returns the time that a query names, as a day or to the second; zero
// where it names none.
func moment(r *http.Request, name string) (time.Time, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		t, err = time.Parse(time.RFC3339, text)
	}
	if err != nil {
		return time.Time{}, failure.New(failure.Invalid, "invalid_"+name, name+" must be a date such as 2026-12-31, or a time such as 2026-12-31T23:59:59Z", err)
	}
	return t, nil
}
