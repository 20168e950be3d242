package postgres_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"freshet/jobs"
	"freshet/jobs/postgres"
	"freshet/jobs/postgres/postgrestest"
)

// clientProgram finds a program of PostgreSQL's that fits the server. The test is skipped where there is
// none, but not in CI, which installs it.
func (b *bench) clientProgram(name string) string {
	b.t.Helper()
	path := filepath.Join(fmt.Sprintf("/usr/lib/postgresql/%d/bin", b.count(`SELECT current_setting('server_version_num')::int / 10000`)), name)
	if _, err := os.Stat(path); err == nil {
		return path
	}
	if os.Getenv("CI") != "" {
		b.t.Fatalf("%s is not there", path)
	}
	b.t.Skipf("%s is not there", path)
	return ""
}

// TestBackupIsWhole restores a dump of the one database, and goes on with it where the other one was.
func TestBackupIsWhole(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	worker := b.worker("work")
	done, waiting := b.submit(), b.submit()
	claim := b.claim(done, worker)
	_, err := b.Flush(t.Context(), jobs.Flush{Fence: claim.Fence, To: 1, Records: []jobs.Record{{At: time.Now(), Stream: jobs.Stdout, Bytes: []byte("kept\x00\xff\n")}}})
	b.ok(err)
	b.ok(b.SaveArtifact(t.Context(), claim.Fence, "a.bin", "application/octet-stream", bytes.NewReader(make([]byte, 3<<20))))
	b.ok(b.End(t.Context(), completed(claim, `{"n": 1.0}`)))
	b.ok(b.SaveKey(t.Context(), jobs.Key{Name: "k", Secrets: []jobs.KeySecret{{Hash: [32]byte{7}}}, Owner: "ada"}))

	dump, err := exec.CommandContext(t.Context(), b.clientProgram("pg_dump"), "--no-owner", b.url).Output()
	b.ok(err)
	other := postgrestest.Empty(t)
	restore := exec.CommandContext(t.Context(), b.clientProgram("psql"), "--quiet", "--set=ON_ERROR_STOP=1", "--single-transaction", other)
	restore.Stdin = bytes.NewReader(dump)
	if said, err := restore.CombinedOutput(); err != nil {
		t.Fatalf("restore: %v\n%s", err, said)
	}
	store, err := postgres.Open(t.Context(), postgres.Options{URL: other, MaxConnections: 4, Name: t.Name(), Logger: slog.New(slog.DiscardHandler)})
	b.ok(err)
	t.Cleanup(store.Close)
	restored := &bench{Store: store, t: t, url: other}

	if task := restored.task(done); task.State != jobs.Completed || string(task.Output) != `{"n": 1.0}` {
		t.Errorf("restored task: %+v", task)
	}
	if !slices.Equal(restored.types(done), b.types(done)) || restored.rows("task_logs", done) != 1 || restored.count(`SELECT sum(length(data)) FROM freshet.artifact_chunks`) != 3<<20 {
		t.Error("events, output or files are missing")
	}
	if identity, err := store.Identify(t.Context(), [32]byte{7}); err != nil || identity.Owner != "ada" {
		t.Errorf("the key is %+v, %v", identity, err)
	}
	fresh := restored.submit() // whose River job must not have the number of one that there is
	for _, id := range []jobs.Claim{restored.claim(waiting, worker), restored.claim(fresh, worker)} {
		restored.ok(store.End(t.Context(), completed(id, `{}`)))
	}
	restored.dense(t.Context())
}
