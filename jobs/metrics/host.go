package metrics

import (
	"context"
	"log/slog"
	"net"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"

	"freshet/jobs"
)

// Program is what the supervisor of a host tells of one of its programs.
type Program struct {
	Name   string
	States map[string]int // instances, by state
	Memory int64          // resident bytes of all of them
	Starts int            // processes, since the supervisor's own start, as are the following
	Ends   map[string]int // by outcome
}

// Host shows what the supervisor of one host knows of its programs.
type Host struct {
	pages http.Handler
}

// NewHost makes a Host that asks for the programs whenever somebody looks.
func NewHost(version string, connections func() jobs.Connections, programs func() []Program) *Host {
	registry := newRegistry(version, connections)
	registry.MustRegister(&programCollector{
		read:      programs,
		instances: prometheus.NewDesc("freshet_up_instances", "Processes of a program, and places that have none, by state.", []string{"program", "state"}, nil),
		memory:    prometheus.NewDesc("freshet_up_memory_bytes", "Resident memory of a program's processes, at the last look.", []string{"program"}, nil),
		starts:    prometheus.NewDesc("freshet_up_starts_total", "Processes of a program that were started.", []string{"program"}, nil),
		exits:     prometheus.NewDesc("freshet_up_exits_total", "Processes of a program that ended, or could not be started.", []string{"program", "outcome"}, nil),
	})
	return &Host{pages(registry)}
}

// Serve shows everything at /metrics of socket, to whoever asks, until ctx ends. It closes the socket.
func (h *Host) Serve(ctx context.Context, socket net.Listener, logger *slog.Logger) error {
	return serve(ctx, socket, h.pages, logger)
}

// programCollector shows programs.
type programCollector struct {
	read                             func() []Program
	instances, memory, starts, exits *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (c *programCollector) Describe(into chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{c.instances, c.memory, c.starts, c.exits} {
		into <- desc
	}
}

// Collect implements prometheus.Collector.
func (c *programCollector) Collect(into chan<- prometheus.Metric) {
	for _, p := range c.read() {
		into <- gauge(c.memory, float64(p.Memory), p.Name)
		into <- total(c.starts, float64(p.Starts), p.Name)
		for state, n := range p.States {
			into <- gauge(c.instances, float64(n), p.Name, state)
		}
		for outcome, n := range p.Ends {
			into <- total(c.exits, float64(n), p.Name, outcome)
		}
	}
}
