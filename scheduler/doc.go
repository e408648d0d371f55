// Package scheduler runs the gateway's own work by the clock: cleanup, vacuum,
// backup and a report on size.
//
// gocron says when a job is due. Whether it runs is decided in the table
// job_runs, for all replicas together: a run is a row, and a row is inserted
// only while no other run of that job is alive and the scheduled time has not
// been taken yet. So a job never runs twice at once, and a scheduled time is
// served once, however many replicas there are. While a job runs, its
// finished_at is moved forward; a row that falls behind belongs to a process
// that died, and counts as failed.
package scheduler
