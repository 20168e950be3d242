package metrics

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"freshet/jobs"
)

// newRegistry makes a registry that knows the Go runtime, the process, the program's version and its
// connections to the database.
func newRegistry(version string, connections func() jobs.Connections) *prometheus.Registry {
	registry := prometheus.NewRegistry()
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "freshet_build_info", Help: "1, with the version of Freshet.", ConstLabels: prometheus.Labels{"version": version},
	})
	build.Set(1)
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		build, newConnectionCollector(connections))
	return registry
}

// pages serves a registry. A collector that fails must not hide the others.
func pages(registry *prometheus.Registry) http.Handler {
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError})
}

func counter(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
}

func histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
}

// Buckets, in seconds.
func requestBuckets() []float64 {
	return []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 30, 60}
}

// attemptBuckets go from what is quick to a day: a task may be a click or a film.
func attemptBuckets() []float64 {
	return []float64{.01, .05, .1, .5, 1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 24 * 3600}
}

// connectionCollector shows how a process uses its connections to the database.
type connectionCollector struct {
	read                         func() jobs.Connections
	open, most                   *prometheus.Desc
	acquires, waits, waitSeconds *prometheus.Desc
}

func newConnectionCollector(read func() jobs.Connections) *connectionCollector {
	return &connectionCollector{
		read:        read,
		open:        prometheus.NewDesc("freshet_db_connections", "Connections to the database.", []string{"state"}, nil),
		most:        prometheus.NewDesc("freshet_db_connections_max", "Connections to the database that there may be.", nil, nil),
		acquires:    prometheus.NewDesc("freshet_db_acquires_total", "Times that a connection was taken.", nil, nil),
		waits:       prometheus.NewDesc("freshet_db_acquire_waits_total", "Times that a connection was taken when none was idle.", nil, nil),
		waitSeconds: prometheus.NewDesc("freshet_db_acquire_wait_seconds_total", "Time spent waiting for a connection when none was idle.", nil, nil),
	}
}

// Describe implements prometheus.Collector.
func (c *connectionCollector) Describe(into chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{c.open, c.most, c.acquires, c.waits, c.waitSeconds} {
		into <- desc
	}
}

// Collect implements prometheus.Collector.
func (c *connectionCollector) Collect(into chan<- prometheus.Metric) {
	now := c.read()
	into <- gauge(c.open, float64(now.Acquired), "in_use")
	into <- gauge(c.open, float64(now.Idle), "idle")
	into <- gauge(c.most, float64(now.Max))
	into <- total(c.acquires, float64(now.Acquires))
	into <- total(c.waits, float64(now.Waits))
	into <- total(c.waitSeconds, now.Waited.Seconds())
}

func gauge(desc *prometheus.Desc, value float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
}

func total(desc *prometheus.Desc, value float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(desc, prometheus.CounterValue, value, labels...)
}
