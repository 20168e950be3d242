package metrics

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"freshet/jobs"
)

// Delivered is what became of one try to deliver a message.
type Delivered string

// The results of a try.
const (
	DeliveryDone    Delivered = "delivered"
	DeliveryAgain   Delivered = "retried"  // it failed, and is tried again
	DeliveryGivenUp Delivered = "given_up" // it failed, and was the last try
	DeliveryGone    Delivered = "gone"     // the receiver wants no more
)

// Ordered is what became of an order to start a worker.
type Ordered string

// The results of an order.
const (
	OrderStarted Ordered = "started"
	OrderRefused Ordered = "refused"
	OrderUnknown Ordered = "unknown" // nobody knows; the order is given again
)

// Source is what a Replica asks: a *postgres.Store is one.
type Source interface {
	Stats(ctx context.Context) (jobs.Stats, error)
	Connections() jobs.Connections
}

// Replica counts in a process of the API. Its methods are safe for use by many goroutines.
type Replica struct {
	load  *load
	pages http.Handler

	requests   *prometheus.HistogramVec
	streams    prometheus.Gauge
	refused    prometheus.Counter
	deliveries *prometheus.CounterVec
	orders     *prometheus.CounterVec
	lost       prometheus.Counter
	takenOver  prometheus.Counter
}

// NewReplica makes a Replica that reads from a source what the database knows.
func NewReplica(version string, source Source) *Replica {
	r := &Replica{
		load:       newLoad(source.Stats),
		requests:   histogram("freshet_http_request_seconds", "HTTP requests, and how long they took; of streams, how long they were open.", requestBuckets(), "method", "route", "status"),
		streams:    prometheus.NewGauge(prometheus.GaugeOpts{Name: "freshet_streams_open", Help: "Streams that are open."}),
		refused:    prometheus.NewCounter(prometheus.CounterOpts{Name: "freshet_connections_refused_total", Help: "Connections that were closed, because their address had too many."}),
		deliveries: counter("freshet_deliveries_total", "Tries to deliver a webhook.", "result"),
		orders:     counter("freshet_fleet_orders_total", "Orders to a provider to start a worker.", "pool", "result"),
		lost:       prometheus.NewCounter(prometheus.CounterOpts{Name: "freshet_workers_lost_total", Help: "Workers that were silent and were declared dead."}),
		takenOver:  prometheus.NewCounter(prometheus.CounterOpts{Name: "freshet_attempts_taken_over_total", Help: "Attempts that were ended because their worker was dead or gone."}),
	}
	for _, result := range []Delivered{DeliveryDone, DeliveryAgain, DeliveryGivenUp, DeliveryGone} {
		r.deliveries.WithLabelValues(string(result))
	}
	registry := newRegistry(version, source.Connections)
	registry.MustRegister(r.load, r.requests, r.streams, r.refused, r.deliveries, r.orders, r.lost, r.takenOver)
	r.pages = pages(registry)
	return r
}

// ServeHTTP shows everything. It does not ask who wants to know.
func (r *Replica) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	r.load.refresh(request.Context())
	r.pages.ServeHTTP(w, request)
}

// Request counts an answered request. route is the pattern that it matched, not its address; empty: none.
func (r *Replica) Request(method, route string, status int, took time.Duration) {
	if r == nil {
		return
	}
	if route == "" {
		route = "none"
	}
	r.requests.WithLabelValues(knownMethod(method), route, strconv.Itoa(status/100)+"xx").Observe(took.Seconds())
}

// knownMethod keeps strangers from making series.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	default:
		return "other"
	}
}

// StreamOpened counts a stream in, and StreamClosed counts it out.
func (r *Replica) StreamOpened() { r.stream(1) }

// StreamClosed counts a stream out.
func (r *Replica) StreamClosed() { r.stream(-1) }

func (r *Replica) stream(change float64) {
	if r != nil {
		r.streams.Add(change)
	}
}

// ConnectionRefused counts a connection that was closed because its address had too many.
func (r *Replica) ConnectionRefused() {
	if r != nil {
		r.refused.Inc()
	}
}

// Delivery counts a try.
func (r *Replica) Delivery(result Delivered) {
	if r != nil {
		r.deliveries.WithLabelValues(string(result)).Inc()
	}
}

// Order counts an order to the provider of a pool.
func (r *Replica) Order(pool string, result Ordered) {
	if r != nil {
		r.orders.WithLabelValues(pool, string(result)).Inc()
	}
}

// WorkersLost counts workers that this process declared dead.
func (r *Replica) WorkersLost(n int) {
	if r != nil {
		r.lost.Add(float64(n))
	}
}

// TakenOver counts attempts that this process took from dead workers.
func (r *Replica) TakenOver(n int) {
	if r != nil {
		r.takenOver.Add(float64(n))
	}
}
