package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"time"

	"freshet/jobs/postgres/embedded"
)

const (
	// clients submit at the same time, to Freshet as to the yardsticks.
	clients = 32
	// slots work at the same time, in Freshet as in River.
	slots = 100
	// fetchCooldown is the least time between two fetches, in Freshet as in River.
	fetchCooldown = 2 * time.Millisecond
	// idle is how many tasks are submitted one after another to measure latency.
	idle = 200
)

var errTimeIsUp = errors.New("the time for this measure is up")

// options are the flags.
type options struct {
	rounds  int
	length  time.Duration // of each measure of a rate
	lives   int           // tasks of each measure of whole lives
	pgbench string
	latency bool // measure nothing else
}

func main() {
	var o options
	flag.IntVar(&o.rounds, "rounds", 3, "rounds; the parts of each are interleaved")
	flag.DurationVar(&o.length, "length", 5*time.Second, "how long each rate is measured")
	flag.IntVar(&o.lives, "lives", 10000, "tasks of each measure of whole lives")
	flag.StringVar(&o.pgbench, "pgbench", "", "path of pgbench (default: looked for)")
	flag.BoolVar(&o.latency, "latency", false, "measure only the latency of an idle system, to the end of the stream")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (err error) {
	pgbench, err := findPgbench(o.pgbench)
	if err != nil && !o.latency {
		return err
	}
	folder, err := os.MkdirTemp("", "freshet-bench-")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	database, err := embedded.Start(ctx, embedded.Options{DataDir: folder, Environ: os.Environ(), Settings: map[string]string{"max_wal_size": "2GB"}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, database.Stop(context.WithoutCancel(ctx))) }()
	urls, err := makeDatabases(ctx, database.URL())
	if err != nil {
		return err
	}
	system, err := startFreshet(ctx, urls.freshet)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, system.stop()) }()
	if o.latency {
		return streamLatency(ctx, system.client)
	}
	result, err := measure(ctx, o, pgbench, urls, system)
	if err != nil {
		return err
	}
	fmt.Print(result)
	return nil
}

// streamLatency prints how long it is from POST to task.completed on the task's stream.
func streamLatency(ctx context.Context, c *client) error {
	if _, err := c.latencies(ctx, idle, c.streamed); err != nil { // to warm up
		return err
	}
	latencies, err := c.latencies(ctx, 3*idle, c.streamed)
	if err != nil {
		return err
	}
	fmt.Printf("POST to task.completed on the stream, idle, %d tasks one after another: p50 %.1f ms, p99 %.1f ms\n",
		len(latencies), milliseconds(percentile(latencies, 0.5)), milliseconds(percentile(latencies, 0.99)))
	return nil
}

// results are all figures of a run.
type results struct {
	options

	inserts, submits    series
	river, freshet      series
	submitted, finished series // ratios, round by round
	latencies           []time.Duration
}

// measure interleaves: what is compared is measured next to each other, round by round.
func measure(ctx context.Context, o options, pgbench string, urls databases, system *system) (*results, error) {
	r := &results{options: o}
	for round := range o.rounds {
		fmt.Fprintf(os.Stderr, "round %d of %d\n", round+1, o.rounds)
		inserts, err := pgbenchInserts(ctx, pgbench, urls.yardstick, o.length)
		if err != nil {
			return nil, err
		}
		submits, err := rate(ctx, clients, o.length, func(ctx context.Context, _ int) error {
			_, err := system.client.submit(ctx, "parked")
			return err
		})
		if err != nil {
			return nil, err
		}
		river, err := riverLives(ctx, urls.river, o.lives)
		if err != nil {
			return nil, err
		}
		lives, err := system.lives(ctx, o.lives)
		if err != nil {
			return nil, err
		}
		latencies, err := system.client.latencies(ctx, idle, system.client.completed)
		if err != nil {
			return nil, err
		}
		r.inserts, r.submits = append(r.inserts, inserts), append(r.submits, submits)
		r.river, r.freshet = append(r.river, river), append(r.freshet, lives)
		r.submitted, r.finished = append(r.submitted, submits/inserts), append(r.finished, lives/river)
		r.latencies = append(r.latencies, latencies...)
	}
	return r, nil
}

// String is the report.
func (r *results) String() string {
	return fmt.Sprintf(`%d rounds, interleaved; %d clients, %d slots, fetch cooldown %s, %d processors
per second, median (range):
  pgbench durable inserts   %s
  POST /v1/tasks            %s
  ratio                     %8.2f  (%.2f–%.2f)   wanted: at least 0.12

  River insert to completed %s
  POST to completed         %s
  ratio                     %8.2f  (%.2f–%.2f)   wanted: at least 0.60

POST to completed, idle, %d tasks one after another: p50 %.1f ms, p99 %.1f ms
`,
		r.rounds, clients, slots, fetchCooldown, runtime.NumCPU(),
		r.inserts, r.submits, r.submitted.median(), minimum(r.submitted), maximum(r.submitted),
		r.river, r.freshet, r.finished.median(), minimum(r.finished), maximum(r.finished),
		len(r.latencies), milliseconds(percentile(r.latencies, 0.5)), milliseconds(percentile(r.latencies, 0.99)))
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// silent drops what is logged: it would be measured too.
func silent() *slog.Logger { return slog.New(slog.DiscardHandler) }

// findPgbench looks where Debian keeps it, off the PATH.
func findPgbench(path string) (string, error) {
	candidates, _ := filepath.Glob("/usr/lib/postgresql/*/bin/pgbench")
	candidates = append(candidates, "/usr/bin/pgbench", "/usr/local/bin/pgbench", "/opt/homebrew/bin/pgbench")
	if path != "" {
		candidates = []string{path}
	}
	for _, candidate := range candidates {
		if _, err := os.Stat(candidate); err == nil {
			return candidate, nil
		}
	}
	return "", errors.New("there is no pgbench: apt-get install postgresql, or name it with -pgbench")
}
