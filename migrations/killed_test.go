package migrations_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	"freshet/jobs/postgres/postgrestest"
	"freshet/migrations"
)

// childEnv makes this program one that migrates the database it names, to be killed.
const childEnv = "FRESHET_MIGRATIONS_CHILD"

func TestMain(m *testing.M) {
	if url := os.Getenv(childEnv); url != "" {
		fmt.Println("begin")
		err := migrations.Up(context.Background(), url)
		fmt.Println("end", err)
		return
	}
	postgrestest.Main(m)
}

// victim is a process that migrates.
type victim struct {
	command *exec.Cmd
	says    *bufio.Scanner
}

// begin returns once the process is about to call Up.
func begin(t *testing.T, url string) victim {
	t.Helper()
	v := victim{command: exec.CommandContext(t.Context(), os.Args[0])}
	v.command.Env = append(os.Environ(), childEnv+"="+url)
	stdout, err := v.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := v.command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.kill)
	v.says = bufio.NewScanner(stdout)
	v.await(t, "begin")
	return v
}

func (v victim) await(t *testing.T, line string) {
	t.Helper()
	if !v.says.Scan() || v.says.Text() != line {
		t.Fatalf("the process says %q, want %q", v.says.Text(), line)
	}
}

func (v victim) kill() {
	_ = v.command.Process.Kill()
	_ = v.command.Wait()
}

// await waits until a query says yes. It asks on a connection of its own: within a transaction the
// view of other sessions stands still.
func await(t *testing.T, url, query string) {
	t.Helper()
	conn := open(t, url)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for tick := time.Tick(2 * time.Millisecond); ; {
		var yes bool
		if err := conn.QueryRow(ctx, query).Scan(&yes); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		if yes {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: never", query)
		case <-tick:
		}
	}
}

// Killed at any moment, the next Up finishes the work.
func TestKilledAtRandom(t *testing.T) {
	t.Parallel()
	want := catalogue(t, postgrestest.New(t))
	undisturbed, began := begin(t, postgrestest.Empty(t)), time.Now()
	undisturbed.await(t, "end <nil>")
	window := time.Since(began)
	dirty, unfinished, rounds := 0, 0, 0
	for ; rounds < 20 || dirty == 0 && rounds < 150; rounds++ {
		url := postgrestest.Empty(t)
		v := begin(t, url)
		<-time.After(time.Duration(rand.Int64N(int64(window)))) // the moment is what is being tried
		v.kill()
		version, marked, err := migrations.Version(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		if marked {
			dirty++
		}
		switch version {
		case 0: // too early: a busy machine has become slower
			window = window * 6 / 5
		case migrations.Latest(): // too late
			window = max(window*4/5, time.Millisecond)
		default:
			unfinished++
		}
		up(t, url)
		if got := catalogue(t, url); got != want {
			t.Fatalf("killed at version %d: missing:\n%s\nnew:\n%s", version, difference(want, got), difference(got, want))
		}
	}
	t.Logf("of %d killed: %d in the middle, %d dirty", rounds, unfinished, dirty)
	if dirty == 0 {
		t.Error("none was dirty, which golang-migrate alone would not get over: this shows nothing")
	}
}

// The worst moment: the process is dead, and the server goes on with its file and commits it.
func TestKilledWhileTheServerGoesOn(t *testing.T) {
	t.Parallel()
	url := postgrestest.Empty(t)
	conn := open(t, url)
	execute(t, conn, `BEGIN; CREATE SCHEMA river`) // the first file waits for this
	v := begin(t, url)
	awaitBlocked(t, url)
	v.kill()
	if version, dirty, err := migrations.Version(t.Context(), url); err != nil || version != 0 || !dirty {
		t.Fatalf("version %d, dirty %v, error %v; want a dirty 0", version, dirty, err)
	}
	done := make(chan error)
	go func() { done <- migrations.Up(t.Context(), url) }()
	await(t, url, `SELECT count(*) = 2 FROM pg_stat_activity
		WHERE datname = current_database() AND wait_event_type = 'Lock'`) // the orphan, and the new Up
	execute(t, conn, `ROLLBACK`)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	up(t, url)
}

// What golang-migrate's mark means is told by the record alone.
func TestDirty(t *testing.T) {
	t.Parallel()
	latest := migrations.Latest()
	tests := map[string]struct {
		before func(t *testing.T, url string)
	}{
		"killed after the commit": {up},
		"killed before the file": {func(t *testing.T, url string) {
			t.Helper()
			up(t, url)
			if err := migrations.Down(t.Context(), url, 1); err != nil {
				t.Fatal(err)
			}
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := postgrestest.Empty(t)
			test.before(t, url)
			execute(t, open(t, url), fmt.Sprintf(`UPDATE freshet.schema_migrations SET version = %d, dirty = true`, latest))
			up(t, url)
		})
	}
}

// A file that fails leaves no trace, and is tried again.
func TestFailedFileIsTriedAgain(t *testing.T) {
	t.Parallel()
	url := postgrestest.Empty(t)
	conn := open(t, url)
	execute(t, conn, `CREATE SCHEMA river; CREATE TABLE river.river_job ()`)
	for range 2 {
		if err := migrations.Up(t.Context(), url); err == nil {
			t.Fatal("River's file made a table that exists")
		}
		if version, _, err := migrations.Version(t.Context(), url); err != nil || version != 1 {
			t.Fatalf("version %d, error %v; want 1", version, err)
		}
	}
	execute(t, conn, `DROP TABLE river.river_job`)
	up(t, url)
}
