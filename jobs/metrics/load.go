package metrics

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"freshet/jobs"
)

const (
	// loadRest is how long what the database said is good: more scrapes than that ask it nothing.
	loadRest = 5 * time.Second
	// loadTime is what the database may take. Scrapers wait ten seconds, as a rule.
	loadTime = 3 * time.Second
)

// load is what waits and runs, as the database last said it.
type load struct {
	read func(context.Context) (jobs.Stats, error)

	asking sync.Mutex // one question at a time

	mu    sync.Mutex
	stats jobs.Stats
	at    time.Time // when it was said; zero: never

	queued, oldest, running, workers, slots *prometheus.Desc
	units, starts, exits                    *prometheus.Desc
	waiting, kindRunning, age               *prometheus.Desc
}

func newLoad(read func(context.Context) (jobs.Stats, error)) *load {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return &load{
		read:        read,
		queued:      desc("freshet_queue_depth", "Attempts that wait for a slot of their pool.", "pool"),
		oldest:      desc("freshet_queue_oldest_seconds", "How long the oldest of them has waited.", "pool"),
		running:     desc("freshet_pool_running", "Attempts that run.", "pool"),
		workers:     desc("freshet_workers", "Workers with a live lease.", "pool"),
		slots:       desc("freshet_worker_slots", "Slots of these workers.", "pool"),
		units:       desc("freshet_fleet_units", "Machines and processes that Freshet has started, or is about to.", "pool", "state"),
		starts:      desc("freshet_fleet_starts_total", "Units whose worker came up, of all replicas.", "pool"),
		exits:       desc("freshet_fleet_exits_total", "Units that ended, of all replicas, by how.", "pool", "outcome"),
		waiting:     desc("freshet_tasks_pending", "Tasks that wait, by what is written down as the reason.", "kind", "reason"),
		kindRunning: desc("freshet_tasks_running", "Tasks that run.", "kind"),
		age:         desc("freshet_load_age_seconds", "How long ago the database was asked for the gauges of pools and kinds.", nil...),
	}
}

// refresh asks the database, unless it was asked just now. What it does not answer stays as it was known.
func (l *load) refresh(ctx context.Context) {
	l.asking.Lock()
	defer l.asking.Unlock()
	if _, at := l.last(); !at.IsZero() && time.Since(at) < loadRest {
		return
	}
	limited, cancel := context.WithTimeout(ctx, loadTime)
	defer cancel()
	began := time.Now()
	stats, err := l.read(limited)
	if err != nil {
		return // the age says so
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stats, l.at = stats, began
}

func (l *load) last() (jobs.Stats, time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stats, l.at
}

// Describe implements prometheus.Collector.
func (l *load) Describe(into chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{
		l.queued, l.oldest, l.running, l.workers, l.slots, l.units, l.starts, l.exits, l.waiting, l.kindRunning, l.age,
	} {
		into <- desc
	}
}

// Collect implements prometheus.Collector. It shows nothing until the database has answered once.
func (l *load) Collect(into chan<- prometheus.Metric) {
	stats, at := l.last()
	if at.IsZero() {
		return
	}
	into <- gauge(l.age, time.Since(at).Seconds())
	for _, p := range stats.Pools {
		into <- gauge(l.queued, float64(p.Queued), p.Pool)
		into <- gauge(l.oldest, p.Oldest.Seconds(), p.Pool)
		into <- gauge(l.running, float64(p.Running), p.Pool)
		into <- gauge(l.workers, float64(p.Workers), p.Pool)
		into <- gauge(l.slots, float64(p.Slots), p.Pool)
		for state, n := range p.Units {
			into <- gauge(l.units, float64(n), p.Pool, string(state))
		}
		into <- total(l.starts, float64(p.Started), p.Pool)
		for _, outcome := range jobs.UnitOutcomes() {
			into <- total(l.exits, float64(p.Ended[outcome]), p.Pool, string(outcome))
		}
	}
	for _, k := range stats.Kinds {
		into <- gauge(l.kindRunning, float64(k.Running), k.Kind)
		for reason, n := range k.Waiting {
			into <- gauge(l.waiting, float64(n), k.Kind, string(reason))
		}
	}
}
