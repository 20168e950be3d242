package metrics

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"freshet/jobs"
)

// Worker counts in a process that runs attempts. Its methods are safe for use by many goroutines.
type Worker struct {
	pages http.Handler

	started *prometheus.CounterVec
	ended   *prometheus.CounterVec
	waits   *prometheus.HistogramVec
	runs    *prometheus.HistogramVec
	running prometheus.Gauge
	losses  prometheus.Counter
}

// NewWorker makes a Worker of a pool. Everything that it shows is labelled with the pool.
func NewWorker(version, pool string, slots int, connections func() jobs.Connections) *Worker {
	w := &Worker{
		started: counter("freshet_attempts_started_total", "Attempts that this worker claimed.", "kind"),
		ended:   counter("freshet_attempts_ended_total", "Attempts that ended here, by outcome, and by the failure's code if there is one.", "kind", "outcome", "code"),
		waits:   histogram("freshet_attempt_wait_seconds", "How long an attempt waited for a slot.", attemptBuckets(), "kind"),
		runs:    histogram("freshet_attempt_run_seconds", "How long an attempt took, from its claim to its end.", attemptBuckets(), "kind"),
		running: prometheus.NewGauge(prometheus.GaugeOpts{Name: "freshet_attempts_running", Help: "Attempts that run in this worker."}),
		losses:  prometheus.NewCounter(prometheus.CounterOpts{Name: "freshet_lease_losses_total", Help: "Attempts that this worker lost: its lease was over, or they were taken from it."}),
	}
	room := prometheus.NewGauge(prometheus.GaugeOpts{Name: "freshet_slots", Help: "How many attempts this worker runs at once."})
	room.Set(float64(slots))
	registry := newRegistry(version, connections)
	prometheus.WrapRegistererWith(prometheus.Labels{"pool": pool}, registry).
		MustRegister(w.started, w.ended, w.waits, w.runs, w.running, w.losses, room)
	w.pages = pages(registry)
	return w
}

// Started counts an attempt that was claimed, with what it waited.
func (w *Worker) Started(claim jobs.Claim) {
	if w == nil {
		return
	}
	w.started.WithLabelValues(claim.Kind).Inc()
	w.waits.WithLabelValues(claim.Kind).Observe(max(0, claim.StartedAt.Sub(claim.QueuedAt).Seconds())) // clocks differ
	w.running.Inc()
}

// Ended counts the end of an attempt that was started, after so long. code is that of its failure; empty: none.
func (w *Worker) Ended(kind string, outcome jobs.Outcome, code jobs.Code, took time.Duration) {
	if w == nil {
		return
	}
	w.ended.WithLabelValues(kind, string(outcome), string(code)).Inc()
	w.runs.WithLabelValues(kind).Observe(took.Seconds())
	w.running.Dec()
	if code == jobs.CodeLost {
		w.losses.Inc()
	}
}

// Serve shows everything at /metrics of socket, to whoever asks, until ctx ends. It closes the socket.
func (w *Worker) Serve(ctx context.Context, socket net.Listener, logger *slog.Logger) error {
	return serve(ctx, socket, w.pages, logger)
}
