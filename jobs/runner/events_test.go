package runner_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"freshet/jobs"
)

func TestProgress(t *testing.T) {
	t.Parallel()
	b := newBench(t, "").sh(`
		say() { echo "$1" >> $FRESHET_EVENTS; }
		say '{"progress":-5}'; say '{"event":"a"}'
		say '{"progress":44.6,"message":"half"}'; say '{"event":"b","data":{"x":[1,2]}}'
		say '{"progress":20}'; say '{"event":"c","data":null}'
		say '{"message":"only words"}'; say '{"event":"d"}'
		say '{"progress":1}'; say '{"progress":999}'; say '{"alive":true}'`)
	wantCompleted(t, b.run(t.Context()))
	want := []string{
		`{"progress":0}`, `{"progress":45,"message":"half"}`, `{"progress":45}`,
		`{"progress":45,"message":"only words"}`, `{"progress":100}`,
	}
	// Progress that a look at the file came between is reported twice, which is as it should be.
	if got := slices.Compact(b.sink.events(jobs.TaskProgress)); !slices.Equal(got, want) {
		t.Errorf("progress %s", strings.Join(got, "\n"))
	}
	wantCustom := []string{`{"name":"a"}`, `{"name":"b","data":{"x":[1,2]}}`, `{"name":"c","data":null}`, `{"name":"d"}`}
	if got := b.sink.events(jobs.TaskCustom); !slices.Equal(got, wantCustom) {
		t.Errorf("custom events %s", strings.Join(got, "\n"))
	}
	if *b.sink.progress != 100 || *b.sink.message != "only words" {
		t.Errorf("task shows %d %q", *b.sink.progress, *b.sink.message)
	}
	if said := b.sink.text(jobs.System); said != "" {
		t.Errorf("complaints: %s", said)
	}
}

// After a quiet time progress is stored at once, not with the next batch.
func TestProgressIsQuick(t *testing.T) {
	t.Parallel()
	best := time.Hour // of several, for the machine has other things to do
	for range 5 {
		best = min(best, measureProgress(t))
	}
	t.Logf("best of 5: %s", best)
	if best > 150*time.Millisecond {
		t.Errorf("progress took %s at best", best)
	}
}

// measureProgress is the time from a line in the event file to its record in the Sink.
func measureProgress(t *testing.T) time.Duration {
	t.Helper()
	b := newBench(t, "").sh(`while [ ! -e "$FRESHET_WORKSPACE/go" ]; do sleep 0.05; done`)
	wait := b.begin(t.Context())
	events := b.file("events")
	b.sink.awaitFile(events)
	begin := time.Now()
	if err := os.WriteFile(events, []byte(`{"progress":1}`+"\n"), 0); err != nil {
		t.Fatal(err)
	}
	b.sink.await("progress", func() bool { return len(b.sink.events(jobs.TaskProgress)) == 1 })
	took := time.Since(begin)
	if err := os.WriteFile(b.file("work/go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := wait(); err != nil {
		t.Fatal(err)
	}
	return took
}

// awaitFile waits until a file is there.
func (s *memorySink) awaitFile(path string) {
	s.t.Helper()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(patience)
	for {
		if _, err := os.Stat(path); err == nil {
			return
		}
		select {
		case <-ticker.C:
		case <-deadline:
			s.t.Fatalf("%s does not appear", path)
		}
	}
}

func TestManyProgressLinesBecomeFew(t *testing.T) {
	t.Parallel()
	b := newBench(t, "").sh(`for i in $(seq 5000); do echo '{"progress":50}'; done >> $FRESHET_EVENTS; for i in $(seq 700); do echo '{"event":"e"}'; done >> $FRESHET_EVENTS`)
	wantCompleted(t, b.run(t.Context()))
	if n := len(b.sink.events(jobs.TaskProgress)); n == 0 || n > 100 {
		t.Errorf("%d progress events", n)
	}
	if n := len(b.sink.events(jobs.TaskCustom)); n != 700 {
		t.Errorf("%d custom events; want all 700", n)
	}
}

func TestBadLinesAreNamed(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", 100) + strings.Repeat("]", 100)
	tests := map[string]struct{ line, says string }{
		"no JSON":       {`hello`, "not valid JSON"},
		"unknown key":   {`{"progres":4}`, `did you mean "progress"`},
		"other case":    {`{"Progress":4}`, "unknown field"},
		"wrong type":    {`{"progress":"4"}`, "/progress must be"},
		"not an object": {`[1]`, "must be"},
		"empty object":  {`{}`, "exactly one of"},
		"two shapes":    {`{"progress":1,"output":2}`, "exactly one of"},
		"stray data":    {`{"progress":1,"data":2}`, "exactly one of"},
		"key twice":     {`{"progress":1,"progress":2}`, "twice"},
		"NUL":           {`{"message":"a\u0000b"}`, "NUL"},
		"half a pair":   {`{"message":"\ud800"}`, "Unicode"},
		"number bomb":   {`{"event":"e","data":1e130000}`, "/data is a number outside"},
		"too deep":      {`{"event":"e","data":` + deep + `}`, "deeper"},
		"no name":       {`{"event":""}`, "/event must have"},
		"long event":    {`{"event":"e","data":"` + strings.Repeat("x", 70_000) + `"}`, "longer than 65536 bytes"},
		"very long":     {`{"event":"` + strings.Repeat("x", 2<<20) + `"}`, "longer than 1048576 bytes"},
		"retryAfter":    {`{"error":{"message":"m","retryAfter":"soon"}}`, "retryAfter must be a duration"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lines := filepath.Join(t.TempDir(), "lines")
			text := `{"alive":true}` + "\n\n" + test.line + "\n" + `{"event":"after"}` + "\n"
			if err := os.WriteFile(lines, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			b := newBench(t, "").sh(`cat "$LINES_FILE" >> $FRESHET_EVENTS`)
			b.spec.Env["LINES_FILE"] = lines
			ending := b.run(t.Context())
			if name != "retryAfter" {
				wantCompleted(t, ending)
			}
			said := b.sink.text(jobs.System)
			if !strings.HasPrefix(said, "event file, line 3: ") || !strings.Contains(said, test.says) || len(said) > 600 {
				t.Errorf("said %q; want %q", said, test.says)
			}
			if events := b.sink.events(jobs.TaskCustom); !slices.Equal(events, []string{`{"name":"after"}`}) {
				t.Errorf("events %s", events)
			}
		})
	}
}

func TestManyBadLinesAreNotAllNamed(t *testing.T) {
	t.Parallel()
	b := newBench(t, "").sh(`yes nonsense | head -n 100000 >> $FRESHET_EVENTS; echo '{"output":1}' >> $FRESHET_EVENTS`)
	ending := b.run(t.Context())
	wantCompleted(t, ending)
	if said := b.sink.text(jobs.System); strings.Count(said, "\n") != 101 || string(ending.Output) != "1" {
		t.Errorf("%d complaints, output %s", strings.Count(said, "\n"), ending.Output)
	}
}

// Whatever a command does to its event file, the attempt goes on.
func TestTamperedEventFile(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ script, output, says string }{
		"written anew":        {script: `echo '{"output":"first, and long"}' > $FRESHET_EVENTS; sleep 0.2; echo '{"output":2}' > $FRESHET_EVENTS`, output: "2"},
		"replaced":            {script: `echo '{"event":"old"}' >> $FRESHET_EVENTS; sleep 0.2; echo '{"output":2}' > n; mv n $FRESHET_EVENTS`, output: "2"},
		"removed":             {script: `echo '{"output":1}' >> $FRESHET_EVENTS; sleep 0.2; rm $FRESHET_EVENTS`, output: "1"},
		"link out of the way": {script: `ln -sf /etc/passwd $FRESHET_EVENTS`, says: "event file was replaced"},
		"endless device":      {script: `ln -sf /dev/zero $FRESHET_EVENTS; sleep 0.2`, says: "event file was replaced"},
		"pipe":                {script: `rm $FRESHET_EVENTS; mkfifo $FRESHET_EVENTS; sleep 0.2`, says: "is no regular file"},
		"second name":         {script: `echo '{"output":1}' > a; ln a b; mv a $FRESHET_EVENTS`, says: "is no regular file"},
		"folder":              {script: `rm $FRESHET_EVENTS; mkdir $FRESHET_EVENTS`, says: "is no regular file"},
		"sparse":              {script: `truncate -s 1T $FRESHET_EVENTS`, says: "is longer than"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, "").sh("set -e; " + test.script)
			b.spec.Cwd = jobs.CwdWorkspace
			ending := b.run(t.Context())
			wantCompleted(t, ending)
			if said := b.sink.text(jobs.System); string(ending.Output) != test.output || !strings.Contains(said, test.says) {
				t.Errorf("output %s, said %q", ending.Output, said)
			}
		})
	}
}
