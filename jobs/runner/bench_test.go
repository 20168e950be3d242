package runner_test

import (
	"context"
	"fmt"
	"io"
	"sync"
	"testing"

	"github.com/google/uuid"

	"freshet/jobs"
	"freshet/jobs/kind"
)

// BenchmarkCommands runs commands that do nothing, or print a line, four at a time.
func BenchmarkCommands(b *testing.B) {
	for name, command := range map[string][]string{"true": {"true"}, "echo": {"sh", "-c", "echo hi"}} {
		b.Run(name, func(b *testing.B) {
			stand := newBench(b, "")
			stand.spec.Command, stand.host.Sink = command, voidSink{}
			k, err := kind.Compile(stand.spec)
			if err != nil {
				b.Fatal(err)
			}
			claims := make(chan jobs.Claim)
			var slots sync.WaitGroup
			for range 4 {
				slots.Go(func() {
					for claim := range claims {
						if ending, err := stand.host.Run(b.Context(), claim, k); err != nil || ending.Outcome != jobs.OutcomeCompleted {
							b.Errorf("%+v, %v", ending, err)
						}
					}
				})
			}
			for b.Loop() {
				claim := stand.claim
				claim.TaskID = uuid.New()
				claims <- claim
			}
			close(claims)
			slots.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commands/s")
		})
	}
}

// voidSink stores nothing, at once.
type voidSink struct{}

func (voidSink) Flush(_ context.Context, flush jobs.Flush) (jobs.Flushed, error) {
	return jobs.Flushed{Stored: flush.To}, nil
}

func (voidSink) SaveArtifact(context.Context, jobs.Fence, string, string, io.Reader) error {
	return nil
}

// BenchmarkLogs is how fast output goes from a command's pipe to a Sink in memory.
func BenchmarkLogs(b *testing.B) {
	const size = 256 << 20
	stand := newBench(b, "flood", fmt.Sprint(size))
	stand.spec.LogBytes = size
	b.SetBytes(size)
	for b.Loop() {
		stand.sink = newSink(b)
		stand.sink.keep = false
		stand.host.Sink = stand.sink
		if ending := stand.run(b.Context()); ending.Outcome != jobs.OutcomeCompleted || stand.sink.size != size {
			b.Fatalf("%+v, %d bytes", ending, stand.sink.size)
		}
	}
}
