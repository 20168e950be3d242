// Command stream measures Freshet's streams beside a bare server of server-sent events, in one run, so
// that both see the same machine. Each server is a process of its own, so that its memory is its own.
// This process is the worker that writes and all the readers.
//
// Every second each task gets an event, all of them at the same moment, which every stream of the task
// has to be told. Freshet's are written by Store.Flush, as a worker writes, and are on disk (fsync on)
// before anyone is told; the bare server is sent the same text by HTTP, and hands it out from memory.
//
// It prints, of each server, how long it is from the write to the reader, and what memory a stream
// takes. A stream that misses an event, or sees one twice, fails the run.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"syscall"
	"time"
)

// options are the flags.
type options struct {
	streams int
	tasks   int
	seconds int
	rounds  int
	profile string

	// Of the server processes, which this program starts as itself.
	serve    string
	database string
}

func main() {
	var o options
	flag.IntVar(&o.streams, "streams", 10_000, "open streams")
	flag.IntVar(&o.tasks, "tasks", 100, "tasks that they are spread over")
	flag.IntVar(&o.seconds, "seconds", 30, "events of each task, one a second")
	flag.IntVar(&o.rounds, "rounds", 1, "rounds; the servers take turns")
	flag.StringVar(&o.profile, "profile", "", "folder for CPU and memory profiles of the servers")
	flag.StringVar(&o.serve, "serve", "", "be a server: bare or freshet (for the program itself)")
	flag.StringVar(&o.database, "database", "", "database of the server (for the program itself)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/stream:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	if o.serve != "" {
		return o.profiled(func() error { return serve(ctx, o) })
	}
	var bare, freshet results
	for round := range o.rounds {
		for _, side := range []struct {
			name  string
			start func(context.Context, options) (*side, error)
			found *results
		}{{"bare", startBare, &bare}, {"freshet", startFreshet, &freshet}} {
			fmt.Fprintf(os.Stderr, "round %d of %d: %s\n", round+1, o.rounds, side.name)
			result, err := measure(ctx, o, side.start)
			if err != nil {
				return fmt.Errorf("%s: %w", side.name, err)
			}
			*side.found = append(*side.found, result)
		}
	}
	report(os.Stdout, o, bare, freshet)
	return nil
}

// side is one of the servers that are compared.
type side struct {
	*server

	key   string   // of its API
	paths []string // of the tasks' streams
	known int64    // a reader is up to date when it has read this seq
	write func(context.Context) error
	close func() error // of what stands behind it
}

// result is what one server did in one round.
type result struct {
	latencies  []time.Duration // from a write to each of its readers
	writes     []time.Duration // of one event of each task
	idle, busy int64           // bytes of memory: with all streams open, and after the events
	none       int64           // bytes of memory before the streams
	processor  time.Duration   // of the server, for the events
}

func measure(ctx context.Context, o options, start func(context.Context, options) (*side, error)) (r result, err error) {
	s, err := start(ctx, o)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, s.stop(), s.close()) }()
	readers := newReaders(s, o)
	defer readers.close()
	if r.none, err = s.memory(); err != nil {
		return r, err
	}
	if err := readers.open(ctx); err != nil {
		return r, err
	}
	if r.idle, err = s.memory(); err != nil {
		return r, err
	}
	s.profile(o)
	defer s.profile(o)
	began, err := s.processor()
	if err != nil {
		return r, err
	}
	written := make(chan error, 1)
	go func() {
		written <- everySecond(ctx, o.seconds, func(ctx context.Context) error {
			began := time.Now()
			err := s.write(ctx)
			r.writes = append(r.writes, time.Since(began))
			return err
		})
	}()
	r.latencies, err = readers.read(ctx)
	if err = errors.Join(err, <-written); err != nil {
		return r, err
	}
	ended, err := s.processor()
	if err != nil {
		return r, err
	}
	r.processor = ended - began
	r.busy, err = s.memory()
	return r, err
}

// everySecond calls do n times.
func everySecond(ctx context.Context, n int, do func(context.Context) error) error {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for range n {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
		if err := do(ctx); err != nil {
			return err
		}
	}
	return nil
}

// results are those of all rounds.
type results []result

// median is the middle one of a figure over the rounds.
func (r results) median(figure func(result) float64) float64 {
	var all []float64
	for _, round := range r {
		all = append(all, figure(round))
	}
	slices.Sort(all)
	return all[len(all)/2]
}

func report(w io.Writer, o options, bare, freshet results) {
	fmt.Fprintf(w, "%d streams of %d tasks, an event a second each, %d s, %d rounds, %d processors; none lost, none twice\n",
		o.streams, o.tasks, o.seconds, o.rounds, runtime.NumCPU())
	fmt.Fprintf(w, "%-38s%10s%10s%8s\n", "", "bare", "freshet", "ratio")
	line := func(name string, figure func(result) float64) {
		one, other := bare.median(figure), freshet.median(figure)
		fmt.Fprintf(w, "%-38s%10.1f%10.1f%8.2f\n", name, one, other, other/one)
	}
	milliseconds := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	latency := func(share float64) func(result) float64 {
		return func(r result) float64 { return milliseconds(percentile(r.latencies, share)) }
	}
	stream := func(bytes func(result) int64) func(result) float64 {
		return func(r result) float64 { return float64(bytes(r)) / 1024 / float64(o.streams) }
	}
	line("from write to reader, p50, ms", latency(0.5))
	line("from write to reader, p99, ms", latency(0.99))
	line("processor time per event told, µs", func(r result) float64 {
		return float64(r.processor) / float64(time.Microsecond) / float64(len(r.latencies))
	})
	line("memory per idle stream, KiB", stream(func(r result) int64 { return r.idle - r.none }))
	line("memory per busy stream, KiB", stream(func(r result) int64 { return r.busy - r.none }))
	line("memory of the whole process, MiB", func(r result) float64 { return float64(r.busy) / (1 << 20) })
	fmt.Fprintf(w, "Until Freshet's events of a second were on disk, p50: %.1f ms\n",
		freshet.median(func(r result) float64 { return milliseconds(percentile(r.writes, 0.5)) }))
}

// percentile is the value below which share of all values lie.
func percentile(values []time.Duration, share float64) time.Duration {
	slices.Sort(values)
	return values[min(int(float64(len(values))*share), len(values)-1)]
}
