package faults_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"freshet/cmd/client"
	"freshet/jobs/postgres/postgrestest"
)

const (
	markVariable = "FAULTS_RUN"
	adminKey     = "the-key-of-the-admin"
)

// settings have two kinds. work takes a while, has its effect, a line in the ledger, and ends. hold tells
// every few milliseconds that it lives, until the gate of its attempt is opened, and goes on as work does.
const settings = `
server: {limits: {tasksPerSecond: none}}
pools:
  default: {slots: SLOTS, lease: LEASE}
kinds:
  - {name: work, command: [sh, work.sh, "{{input.seconds}}"], env: ENV, grace: 1s}
  - {name: hold, command: [sh, hold.sh], env: ENV, grace: 1s}
  - {name: count, command: [sh, count.sh, "{{input.lines}}"], env: ENV, grace: 1s}
`

// What a command says goes through records, which must be stored before its end is; hold says nothing, so
// that the end comes at once.
const (
	workScript = `echo "attempt $FRESHET_ATTEMPT begins"
echo '{"progress":10}' >> "$FRESHET_EVENTS"
sleep "$1"
echo '{"progress":90}' >> "$FRESHET_EVENTS"
` + effect
	holdScript = `while [ ! -e "gate/$FRESHET_TASK_ID.$FRESHET_ATTEMPT" ] && [ ! -e gate/all ]; do
	date +%s%N >> "beats/$FRESHET_TASK_ID.$FRESHET_ATTEMPT"
	sleep 0.05
done
` + effect
	countScript = `i=0
while [ $i -lt "$1" ]; do i=$((i+1)); echo "line $i"; sleep 0.02; done
` + effect
	effect = `echo "$FRESHET_TASK_ID $FRESHET_ATTEMPT" >> ledger
echo "{\"output\":{\"attempt\":$FRESHET_ATTEMPT}}" >> "$FRESHET_EVENTS"
`
)

// owners are whose tasks a run submits, in turn.
func owners() []string { return []string{"ada", "bob"} }

// run is one Freshet under attack: its database, its programs, what was promised to those who submitted,
// and what its commands did.
type run struct {
	t        *testing.T
	folder   string // of freshet.yaml, the scripts and the ledger
	mark     string
	database string // how the test itself reaches it
	key      string // of an admin
	pool     *pgxpool.Pool
	crew     crew

	mu    sync.Mutex
	acked map[string]string // by id: whose
}

// newRun makes a run on a migrated database, nothing of which is started.
func newRun(t *testing.T, database string, slots int, lease time.Duration) *run {
	t.Helper()
	r := &run{t: t, folder: t.TempDir(), mark: uuid.NewString(), database: database, key: adminKey, acked: map[string]string{}}
	text := strings.NewReplacer("SLOTS", fmt.Sprint(slots), "LEASE", fmt.Sprintf("%ds", int(lease.Seconds())),
		"ENV", fmt.Sprintf("{%s: %q}", markVariable, r.mark)).Replace(settings)
	for name, content := range map[string]string{
		"freshet.yaml": text, "work.sh": workScript, "hold.sh": holdScript, "count.sh": countScript, "ledger": "",
	} {
		r.ok(os.WriteFile(filepath.Join(r.folder, name), []byte(content), 0o600))
	}
	for _, name := range []string{"gate", "beats"} {
		r.ok(os.Mkdir(filepath.Join(r.folder, name), 0o700))
	}
	config, err := pgxpool.ParseConfig(database)
	r.ok(err)
	config.MaxConns = 8
	r.pool, err = pgxpool.NewWithConfig(context.WithoutCancel(t.Context()), config)
	r.ok(err)
	t.Cleanup(r.pool.Close)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(r.alive())
		}
		r.crew.stopAll()
		if t.Failed() {
			t.Log(r.crew.logs(15))
		}
	})
	return r
}

// newSharedRun makes a run on a database of the tests' server.
func newSharedRun(t *testing.T, slots int, lease time.Duration) *run {
	t.Helper()
	return newRun(t, postgrestest.New(t), slots, lease)
}

func (r *run) ok(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// until repeats a look until it is satisfied.
func (r *run) until(what string, look func() bool) {
	r.t.Helper()
	r.within(patience, what, look)
}

func (r *run) within(limit time.Duration, what string, look func() bool) {
	r.t.Helper()
	deadline, ticker := time.NewTimer(limit), time.NewTicker(20*time.Millisecond)
	defer deadline.Stop()
	defer ticker.Stop()
	for !look() {
		select {
		case <-ticker.C:
		case <-deadline.C:
			r.t.Fatalf("waited in vain until %s", what)
		}
	}
}

// pass lets time go by, in which something is to go on.
func (r *run) pass(d time.Duration) {
	r.t.Helper()
	select {
	case <-time.After(d):
	case <-r.t.Context().Done():
		r.t.Fatal(r.t.Context().Err())
	}
}

// readyAPI starts an API on the run's own database and waits until it serves.
func (r *run) readyAPI() *client.Client {
	r.t.Helper()
	_, address := r.api(r.database)
	return r.ready(address)
}

func (r *run) ready(address string) *client.Client {
	r.t.Helper()
	c, err := client.New(address, r.key)
	r.ok(err)
	r.t.Cleanup(c.Close)
	r.within(patience/2, "the API is ready", func() bool {
		response, err := http.Get(address + "/readyz")
		if err != nil {
			return false
		}
		defer response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
	return c
}

// order is a submit that can be sent again.
func order(kind string, number int, input any) client.Submission {
	text, _ := json.Marshal(input)
	return client.Submission{Kind: kind, Input: text, Owner: owners()[number%len(owners())], IdempotencyKey: uuid.NewString()}
}

// work is an order of the kind work.
func work(number int, seconds string) client.Submission {
	return order("work", number, map[string]string{"seconds": seconds})
}

// submit sends an order, to one client after the other, until it is acknowledged.
func (r *run) submit(order client.Submission, clients ...*client.Client) (id string) {
	r.t.Helper()
	for try := 0; ; try++ {
		ctx, cancel := context.WithTimeout(r.t.Context(), 10*time.Second)
		answer, err := clients[try%len(clients)].Submit(ctx, order)
		cancel()
		var refused *client.Problem
		switch {
		case err == nil:
			r.acknowledge(answer.Value.ID, order)
			return answer.Value.ID
		case errors.As(err, &refused) && refused.Status < http.StatusInternalServerError, try > 1000:
			r.t.Errorf("a submit was refused: %v", err)
			return ""
		}
		r.pass(50 * time.Millisecond)
	}
}

// acknowledge notes a task that was acknowledged.
func (r *run) acknowledge(id string, order client.Submission) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.acked[id] = order.Owner
}

// number answers a question with a number. A database that is away is waited for.
func (r *run) number(question string, args ...any) (n int) {
	r.t.Helper()
	r.until(question, func() bool { return r.pool.QueryRow(r.t.Context(), question, args...).Scan(&n) == nil })
	return n
}

// attempt waits until an attempt of a task runs, and tells since when and in which process.
func (r *run) attempt(task string, number int) (started time.Time, pid int) {
	r.t.Helper()
	r.until(fmt.Sprintf("attempt %d runs", number), func() bool {
		return r.pool.QueryRow(r.t.Context(), `SELECT a.started_at, w.pid FROM freshet.attempts a JOIN freshet.workers w ON w.id = a.worker_id
			WHERE a.task_id = $1 AND a.number = $2 AND a.state = 'running'`, task, number).Scan(&started, &pid) == nil
	})
	return started, pid
}

// open opens the gate of an attempt, or of all.
func (r *run) open(gate string) {
	r.t.Helper()
	r.ok(os.WriteFile(filepath.Join(r.folder, "gate", gate), nil, 0o600))
}

// alive describes what has not ended, for whoever wants to know why.
func (r *run) alive() string {
	var text string
	err := r.pool.QueryRow(context.WithoutCancel(r.t.Context()), `SELECT coalesce(string_agg(x::text, chr(10)), 'nothing is alive') FROM (
		SELECT a.state, a.number, j.state AS job, w.id AS worker, w.pid, w.died_at, w.lease_until - clock_timestamp() AS lease, count(*)
		FROM freshet.attempts a LEFT JOIN river.river_job j ON j.id = a.river_job_id
		LEFT JOIN freshet.workers w ON w.id = a.worker_id OR w.id::text = j.attempted_by[cardinality(j.attempted_by)]
		WHERE a.state <> 'ended' GROUP BY 1, 2, 3, 4, 5, 6, 7) x`).Scan(&text)
	if err != nil {
		return err.Error()
	}
	return text
}
