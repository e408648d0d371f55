package scheduler_test

import (
	"context"
	"fmt"

	"github.com/parley-bot/parley/internal/database"
	"github.com/parley-bot/parley/migrations"
	"github.com/parley-bot/parley/scheduler"
)

// Replicas that share a database share the schedule: each time is served by one of them.
func ExampleScheduler() {
	ctx := context.Background()
	db, err := database.Open(ctx, database.Options{URL: "sqlite:///:memory:"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()
	_, _ = migrations.Up(ctx, db)

	s, err := scheduler.New(scheduler.Options{DB: db, Jobs: []scheduler.Job{{
		Name: "sweep", Cron: "0 3 * * *",
		Run: func(context.Context) (string, error) { return "3 rooms swept", nil },
	}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = s.Start()                       // by the clock
	fmt.Println(s.RunNow(ctx, "sweep")) // and by hand
	fmt.Println(s.RunNow(ctx, "dance"))
	_ = s.Stop(ctx) // waits for what runs

	jobs, _ := s.List(ctx)
	for _, job := range jobs {
		fmt.Println(job.Name, job.Cron, job.Runs, job.LastRun.Status, job.LastRun.Result)
	}
	// Output:
	// <nil>
	// there is no such job
	// sweep 0 3 * * * 1 ok 3 rooms swept
}
