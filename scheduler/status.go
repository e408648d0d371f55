package scheduler

import (
	"context"
	"time"
)

// JobStatus is a job as the API shows it.
type JobStatus struct {
	Name    string     `json:"name"`
	Cron    string     `json:"cron"`
	NextRun *time.Time `json:"next_run"` // null when off
	Runs    int64      `json:"runs"`     // ever, on all replicas
	LastRun *LastRun   `json:"last_run"` // null when none
}

// LastRun is the newest run of a job. Status is running, ok or failed.
type LastRun struct {
	StartedAt  time.Time  `json:"started_at"`
	FinishedAt *time.Time `json:"finished_at"` // null while it runs
	Status     string     `json:"status"`
	Result     string     `json:"result"`
	Error      string     `json:"error"`
}

// List returns every job in the order they were given.
func (s *Scheduler) List(ctx context.Context) ([]JobStatus, error) {
	list := make([]JobStatus, 0, len(s.jobs))
	for _, job := range s.jobs {
		status := JobStatus{Name: job.Name, Cron: job.Cron}
		if job.times != nil {
			next := job.times.after(time.Now()).UTC()
			status.NextRun = &next
		}
		var err error
		if status.Runs, err = s.runs.count(ctx, job.Name); err != nil {
			return nil, err
		}
		if status.LastRun, err = s.runs.last(ctx, job.Name); err != nil {
			return nil, err
		}
		list = append(list, status)
	}
	return list, nil
}
