// Package metrics counts what an operator wants to see. Metrics are passed
// in; there is no global registry.
package metrics

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics holds every series of the program. Make one with [New].
type Metrics struct {
	registry *prometheus.Registry

	Webhooks *prometheus.CounterVec // platform, outcome: accepted duplicate ignored rejected failed
	// WebhooksRefused counts those of the outcomes rejected and failed by their
	// reason: the code of the answer.
	WebhooksRefused *prometheus.CounterVec   // platform, reason
	AckSeconds      *prometheus.HistogramVec // platform
	Queue           prometheus.Gauge         // events waiting, failed ones and those being answered included
	Running         prometheus.Gauge         // conversations being answered, on all replicas
	Failed          prometheus.Gauge         // events that wait for their next attempt
	Dead            prometheus.Gauge         // events that nobody will answer unless an admin acts
	Quarantined     prometheus.Gauge         // conversations that wait apart since their process died
	Oldest          prometheus.Gauge         // seconds
	Circuits        *prometheus.GaugeVec     // endpoint: 0 closed, 1 half open, 2 open
	Turns           prometheus.Gauge         // in flight
	TurnSeconds     prometheus.Histogram
	ModelCalls      *prometheus.CounterVec   // model, outcome: ok retry permanent cancelled paused
	Tokens          *prometheus.CounterVec   // model, kind: prompt completion cached cache_written
	BudgetRefused   *prometheus.CounterVec   // scope: user chat
	BudgetWarnings  *prometheus.CounterVec   // scope: user chat, percent: 80 95
	Cost            *prometheus.CounterVec   // model; in the currency of its prices
	BudgetTokens    *prometheus.GaugeVec     // scope: user chat, kind: used reserved
	Summaries       *prometheus.CounterVec   // outcome: ok failed
	Sends           *prometheus.CounterVec   // platform, outcome: sent retry permanent ambiguous
	Feedback        *prometheus.CounterVec   // value: up down
	SendWaits       *prometheus.HistogramVec // platform
	DatabaseFails   prometheus.Counter
	SignInRefused   prometheus.Counter       // wrong tokens and sign-in links
	Jobs            *prometheus.CounterVec   // name, status: ok failed
	Conversations   prometheus.Gauge         // as of the last report
	TotalTokens     prometheus.Gauge         // as of the last report
	HTTPSeconds     *prometheus.HistogramVec // method, route, status
}

// New returns metrics on a registry of their own.
func New() *Metrics {
	r := prometheus.NewRegistry()
	f := factory{r}
	fast := []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 3}
	slow := []float64{.005, .01, .05, .1, .5, 1, 2.5, 5, 10, 30, 60, 120}
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return &Metrics{
		registry:        r,
		Webhooks:        f.counters("parley_webhooks_total", "Webhooks by platform and outcome.", "platform", "outcome"),
		WebhooksRefused: f.counters("parley_webhooks_refused_total", "Webhooks refused, by platform and reason.", "platform", "reason"),
		AckSeconds:      f.histograms("parley_ack_seconds", "Time from a webhook's arrival to its acknowledgement.", fast, "platform"),
		Queue:           f.gauge("parley_queue_depth", "Events waiting for their turn or their next attempt."),
		Dead:            f.gauge("parley_events_dead", "Events given up on, with their reason in the ledger."),
		Running:         f.gauge("parley_conversations_running", "Conversations being answered, on all replicas."),
		Failed:          f.gauge("parley_events_failed", "Events waiting for their next attempt."),
		Quarantined:     f.gauge("parley_conversations_quarantined", "Conversations in quarantine because the process died while answering them."),
		Oldest:          f.gauge("parley_oldest_waiting_seconds", "How long the oldest event has waited for its first or next attempt."),
		Circuits:        f.gauges("parley_circuit_state", "Circuit of each endpoint: 0 closed, 1 half open, 2 open.", "endpoint"),
		Turns:           f.gauge("parley_turns_in_flight", "Turns being worked on."),
		TurnSeconds:     f.histogram("parley_turn_seconds", "Time from an event's arrival to its reply being shown.", slow),
		BudgetRefused:   f.counters("parley_budget_refused_total", "Model calls refused because a budget was used up, by its scope.", "scope"),
		BudgetWarnings:  f.counters("parley_budget_warnings_total", "Budgets that reached a percentage in a period, by scope.", "scope", "percent"),
		BudgetTokens:    f.gauges("parley_budget_tokens", "Tokens of all budgets in the current period, by scope.", "scope", "kind"),
		Summaries:       f.counters("parley_summaries_total", "Summaries of conversations by outcome.", "outcome"),
		ModelCalls:      f.counters("parley_model_calls_total", "Model calls by model and outcome.", "model", "outcome"),
		Cost:            f.counters("parley_model_cost_total", "Cost of calls with a known price by model, in the currency of its prices.", "model"),
		Tokens:          f.counters("parley_model_tokens_total", "Tokens by model and kind.", "model", "kind"),
		Sends:           f.counters("parley_sends_total", "Parts of replies sent, by platform and outcome.", "platform", "outcome"),
		SendWaits:       f.histograms("parley_send_wait_seconds", "Time a part of a reply waited for its platform's limits.", slow, "platform"),
		Feedback:        f.counters("parley_feedback_total", "Feedback on replies, by value.", "value"),
		DatabaseFails:   f.counter("parley_database_errors_total", "Database operations that failed."),
		SignInRefused:   f.counter("parley_sign_in_refused_total", "Wrong tokens and sign-in links."),
		Jobs:            f.counters("parley_job_runs_total", "Scheduled jobs by name and status.", "name", "status"),
		Conversations:   f.gauge("parley_conversations", "Conversations at the last report."),
		TotalTokens:     f.gauge("parley_conversation_tokens", "Tokens of all conversations at the last report."),
		HTTPSeconds:     f.histograms("parley_http_request_seconds", "HTTP requests by method, route and status.", fast, "method", "route", "status"),
	}
}

// Connections shows how many connections of a platform deliver events, and
// whether it has failed for good. It is called once for each platform.
func (m *Metrics) Connections(platform string, now func() (open int, failed bool)) {
	gauge := func(name, help string, value func() float64) {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: name, Help: help, ConstLabels: prometheus.Labels{"platform": platform},
		}, value))
	}
	gauge("parley_connections_open", "Connections over which a platform delivers events.", func() float64 {
		open, _ := now()
		return float64(open)
	})
	gauge("parley_connections_failed", "1 if a platform has refused the connection for good.", func() float64 {
		if _, failed := now(); failed {
			return 1
		}
		return 0
	})
}

// Removed shows of how many tenants a platform has taken the app away. It is
// called once for each platform.
func (m *Metrics) Removed(platform string, now func() int) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "parley_apps_removed", Help: "Tenants in which the app was removed or disabled (1 if that is all of them).",
		ConstLabels: prometheus.Labels{"platform": platform},
	}, func() float64 { return float64(now()) }))
}

// Handler serves the metrics in Prometheus' text format.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

type factory struct{ r *prometheus.Registry }

func (f factory) counter(name, help string) prometheus.Counter {
	c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	f.r.MustRegister(c)
	return c
}

func (f factory) counters(name, help string, labels ...string) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	f.r.MustRegister(c)
	return c
}

func (f factory) gauge(name, help string) prometheus.Gauge {
	g := prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	f.r.MustRegister(g)
	return g
}

func (f factory) gauges(name, help string, labels ...string) *prometheus.GaugeVec {
	g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
	f.r.MustRegister(g)
	return g
}

func (f factory) histogram(name, help string, buckets []float64) prometheus.Histogram {
	h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets})
	f.r.MustRegister(h)
	return h
}

func (f factory) histograms(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
	f.r.MustRegister(h)
	return h
}
