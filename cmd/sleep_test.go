package cmd_test

import (
	"context"
	"flag"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"freshet/jobs/postgres/embedded"
)

var idle = flag.Duration("idle", 30*time.Second, "how long TestTheDatabaseSleeps has the database be silent")

const sleepyConfig = `
server: {dbSleep: true}
kinds:
  - {name: nothing, command: [/bin/true]}
schedules:
  - {name: yearly, cron: "0 0 1 1 *", kind: nothing}
`

// talkative runs a PostgreSQL server that writes down each connection and each statement, and nothing else.
func talkative(t *testing.T) (url string, log *lines) {
	t.Helper()
	log = &lines{added: make(chan struct{}, 1)}
	starting, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	server, err := embedded.Start(starting, embedded.Options{DataDir: t.TempDir(), Environ: os.Environ(), Log: log, Settings: map[string]string{
		"fsync": "off", "log_statement": "all", "log_connections": "on", "log_checkpoints": "off", "autovacuum": "off",
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stopping, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := server.Stop(stopping); err != nil {
			t.Error(err)
		}
	})
	return server.URL(), log
}

// sleepy is an API that lets its database sleep, after it has done a task with a worker that has left again.
type sleepy struct {
	*program

	api, database string
	said          *lines // by the database
	server        *os.Process
}

func newSleepy(t *testing.T, config string) sleepy {
	t.Helper()
	url, log := talkative(t)
	address := "127.0.0.1:" + freePort(t)
	s := sleepy{program: newProgram(t, config), api: "http://" + address, database: url, said: log}
	s.env = append(s.env, "FRESHET_SECRET_KEY="+strings.Repeat("ab", 32), "FRESHET_API_KEY=k", "FRESHET_URL="+s.api, "DATABASE_URL="+url)
	s.must(0, "migrate", "up")
	s.server = s.beside("api", "--addr", address)
	worker := s.beside("worker", "--allow-root-children")
	s.until("there are an API and a worker", func() bool {
		r := s.client("workers", "--json")
		return r.code == 0 && strings.Contains(r.stdout, `"pid"`)
	})
	s.must(0, "submit", "nothing", "--follow")
	if err := worker.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	return s
}

// looks asks, as a platform and a Prometheus do, how the process is, and tells whether it says that it sleeps.
func (s sleepy) looks() bool {
	s.t.Helper()
	for path, key := range map[string]string{"/healthz": "", "/metrics": "k"} {
		if status, text := s.observedAt(http.MethodGet, s.api+path, key, ""); status != http.StatusOK {
			s.t.Fatalf("%s: %d %s", path, status, text)
		}
	}
	status, text := s.observedAt(http.MethodGet, s.api+"/readyz", "", "")
	if status != http.StatusOK {
		s.t.Fatalf("/readyz: %d %s", status, text)
	}
	return strings.Contains(text, `"asleep"`)
}

// silence has it looked at for a while, and returns what the database wrote meanwhile.
func (s sleepy) silence(length time.Duration) string {
	s.t.Helper()
	before := s.said.String()
	ticker, end := time.NewTicker(500*time.Millisecond), time.NewTimer(length)
	defer ticker.Stop()
	defer end.Stop()
	for {
		select {
		case <-end.C:
			return strings.TrimPrefix(s.said.String(), before)
		case <-ticker.C:
			s.looks()
		}
	}
}

// dueIn makes the schedule due so soon.
func (s sleepy) dueIn(length time.Duration) (due time.Time) {
	s.t.Helper()
	conn, err := pgx.Connect(s.t.Context(), s.database)
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(s.t.Context()))
	err = conn.QueryRow(s.t.Context(), `UPDATE freshet.schedules SET next_at = clock_timestamp() + $1::bigint * interval '1 millisecond'
		RETURNING next_at`, length.Milliseconds()).Scan(&due)
	if err != nil {
		s.t.Fatal(err)
	}
	return due
}

// With dbSleep and nothing to do, the server's log stays as it is: no statement, no connection. A schedule is on time
// all the same, and a request wakes everything. -idle says for how long; "make bench/sleep" does it for five minutes.
func TestTheDatabaseSleeps(t *testing.T) {
	t.Parallel()
	s := newSleepy(t, sleepyConfig)
	due := s.dueIn(*idle + 30*time.Second) // until it is asleep, it takes a while
	s.until("it sleeps", s.looks)
	s.silence(2 * time.Second) // statements that were broken off are called back by pgx in the background
	length := time.Until(due) - 5*time.Second
	if length < *idle {
		t.Fatalf("it fell asleep %s before the schedule was due", time.Until(due))
	}
	if said := s.silence(length); said != "" {
		t.Fatalf("in %s the database was told:\n%s", length, said)
	}
	if !s.looks() {
		t.Fatal("it is awake too early")
	}
	s.until("the schedule is awaited", func() bool { return !s.looks() })
	s.until("the schedule has made a task", func() bool { return len(s.scheduled()) == 1 })
	late := s.scheduled()[0].CreatedAt.Sub(due)
	t.Logf("silent for %s; then the schedule was %s late", length.Round(time.Second), late)
	if late < 0 || late > 5*time.Second {
		t.Errorf("the schedule is %s late", late)
	}
}

type scheduledTask struct{ CreatedAt time.Time }

func (s sleepy) scheduled() []scheduledTask {
	s.t.Helper()
	status, text := s.observedAt(http.MethodGet, s.api+"/v1/tasks?state=pending", "k", "")
	if status != http.StatusOK {
		s.t.Fatalf("%d %s", status, text)
	}
	return parse[struct{ Items []scheduledTask }](s.program, text).Items
}

// Somebody who submits wakes it; the task is done, and it falls asleep again.
func TestARequestWakesTheDatabase(t *testing.T) {
	t.Parallel()
	s := newSleepy(t, sleepyConfig)
	s.until("it sleeps", s.looks)
	s.must(0, "submit", "nothing")
	if s.looks() {
		t.Error("it sleeps although a task waits")
	}
	worker := s.beside("worker", "--allow-root-children")
	s.until("the task is done", func() bool { return len(s.scheduled()) == 0 })
	if err := worker.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	s.until("it sleeps again", s.looks)

	// A hangup is heard in its sleep.
	s.write("freshet.yaml", sleepyConfig+"  - {name: daily, cron: '0 0 * * *', kind: nothing}\n")
	if err := s.server.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	s.until("it is awake", func() bool { return !s.looks() })
	s.until("freshet.yaml was read again", func() bool { return strings.Contains(s.must(0, "schedules").stdout, "daily") })
	if r := s.client("doctor"); !strings.Contains(r.stdout, "ok    dbSleep, with 1 API replicas awake") {
		t.Errorf("the doctor says:\n%s", r.stdout)
	}
	s.beside("api", "--addr", "127.0.0.1:"+freePort(t))
	s.until("the doctor sees a second replica", func() bool {
		return strings.Contains(s.client("doctor").stdout, "warn  dbSleep, with 2 API replicas awake")
	})
}

// Without dbSleep, the log of such a database does not stay as it is.
func TestADatabaseThatMayNotSleep(t *testing.T) {
	t.Parallel()
	s := newSleepy(t, strings.Replace(sleepyConfig, "true", "false", 1))
	if said := s.silence(10 * time.Second); !strings.Contains(said, "freshet.workers") {
		t.Errorf("in ten seconds the database was told:\n%s", said)
	}
	if s.looks() {
		t.Error("it sleeps")
	}
}
