package runner_test

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"freshet/jobs"
	"freshet/jobs/runner"
)

func TestArtifacts(t *testing.T) {
	t.Parallel()
	b := newBench(t, "").sh(`
		cd $FRESHET_ARTIFACTS; mkdir -p charts/deep
		printf '%%PDF-1.4 x' > report.pdf; printf '{}' > charts/a.json; printf 'plain words' > charts/deep/words
		: > empty; ln -s report.pdf latest; exit 1`)
	wantFailure(t, b.run(t.Context()), jobs.CodeExit, "exit code 1")
	want := map[string]artifact{
		"report.pdf": {"application/pdf", "%PDF-1.4 x"}, "charts/a.json": {"application/json", "{}"},
		"charts/deep/words": {"text/plain; charset=utf-8", "plain words"},
		"empty":             {"text/plain; charset=utf-8", ""}, "latest": {"application/pdf", "%PDF-1.4 x"},
	}
	if got := sortedNames(b.sink.artifacts); !slices.Equal(got, sortedNames(want)) {
		t.Fatalf("kept %q", got)
	}
	for name, file := range want {
		if b.sink.artifacts[name] != file {
			t.Errorf("%s: %+v; want %+v", name, b.sink.artifacts[name], file)
		}
	}
}

// None of these is kept, the good file beside them is, and the log says why.
func TestRefusedArtifacts(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ script, says string }{
		"link out":        {`ln -s /etc/passwd secret`, "escapes"},
		"relative link":   {`ln -s ../input.json secret`, "escapes"},
		"link to folder":  {`mkdir ../x; ln -s /etc secret`, "escapes"},
		"dangling link":   {`ln -s nowhere dangling`, "no such file"},
		"link to itself":  {`ln -s loop loop`, `artifact "loop" is not kept`},
		"second name":     {`echo s > ../work/s; ln ../work/s hard`, "is no regular file"},
		"pipe":            {`mkfifo pipe`, "is no regular file"},
		"endless device":  {`mknod zero c 1 5 2>/dev/null || mkfifo zero`, "is no regular file"},
		"newline in name": {"touch 'a\nb'", `artifact "a\nb" is not kept: its name holds the control character U+000A`},
		"turned name":     {"touch 'a\u202egpj.exe'", "U+202E"},
		"not UTF-8":       {`touch "$(printf 'a\377b')"`, "is not UTF-8"},
		"long name":       {`mkdir $(printf '%0200d' 0); touch $(printf '%0200d' 0)/$(printf '%0200d' 0)`, "longer than 255 bytes"},
		"too large":       {`truncate -s 101M large`, "more than what is left"},
		"together":        {`truncate -s 60M a; truncate -s 60M b`, `artifact "b" is not kept`},
		"deep":            {`d=$(printf 'd/%.0s' $(seq 40)); mkdir -p $d; touch $d/f`, "more artifacts than"},
		"many":            {`seq 1100 | xargs touch`, "more artifacts than the 1000"},
		"folder replaced": {`cd ..; touch work/good; rm -r artifacts; ln -s /etc artifacts`, "artifacts are not kept"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, "").sh("cd $FRESHET_ARTIFACTS; echo fine > 0good; " + test.script)
			wantCompleted(t, b.run(t.Context()))
			if said := b.sink.text(jobs.System); !strings.Contains(said, test.says) {
				t.Errorf("said %q; want %q", said, test.says)
			}
			if name != "folder replaced" && b.sink.artifacts["0good"].content != "fine\n" {
				t.Error("the good file is not kept")
			}
			for kept, file := range b.sink.artifacts {
				if strings.Contains(file.content, "root:") || strings.Contains(kept, "secret") {
					t.Errorf("%s was kept", kept)
				}
			}
			if n := len(b.sink.artifacts); name == "many" && n != 1000 {
				t.Errorf("%d files are kept", n)
			}
		})
	}
}

// With its folder gone there is nothing to keep, and nothing to complain about.
func TestNoArtifactsFolder(t *testing.T) {
	t.Parallel()
	b := newBench(t, "").sh("rm -r $FRESHET_ARTIFACTS")
	wantCompleted(t, b.run(t.Context()))
	if said := b.sink.text(jobs.System); said != "" {
		t.Errorf("said %q", said)
	}
}

// A file is saved again until the Sink has it, or the attempt is not ours any more.
func TestArtifactFaults(t *testing.T) {
	t.Parallel()
	const script = "echo one > $FRESHET_ARTIFACTS/a; echo two > $FRESHET_ARTIFACTS/b"
	for name, fault := range map[string]error{"passing": fmt.Errorf("database is down"), "fenced": jobs.ErrFenced} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, "").sh(script)
			flaky := &flakySink{memorySink: b.sink, fault: fault}
			b.host.Sink = flaky
			_, err := b.try(t.Context())
			if name == "fenced" {
				if err == nil || flaky.calls != 1 {
					t.Errorf("error %v after %d calls", err, flaky.calls)
				}
				return
			}
			if err != nil || b.sink.artifacts["a"].content != "one\n" || b.sink.artifacts["b"].content != "two\n" || flaky.calls != 4 {
				t.Errorf("error %v, kept %v in %d calls", err, b.sink.artifacts, flaky.calls)
			}
		})
	}
}

// flakySink fails every other save, after it has read a part of the file.
type flakySink struct {
	*memorySink
	fault error
	calls int
}

func (s *flakySink) SaveArtifact(ctx context.Context, fence jobs.Fence, name, contentType string, content io.Reader) error {
	s.calls++
	if s.calls%2 == 1 {
		if _, err := content.Read(make([]byte, 2)); err != nil {
			return err
		}
		return s.fault
	}
	return s.memorySink.SaveArtifact(ctx, fence, name, contentType, content)
}

var _ runner.Sink = (*flakySink)(nil)
