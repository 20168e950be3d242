package api_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"freshet/api"
	"freshet/jobs"
	"freshet/jobs/postgres"
	"freshet/jobs/postgres/postgrestest"
	"freshet/jobs/realtime"
	"freshet/jobs/secret"
)

// The keys of the rig, and whose they are.
const (
	ada  = "key-of-ada"
	bob  = "key-of-bob"
	root = "key-of-root"
)

// lease is longer than any test.
const lease = time.Hour

// rig is a server on a database of its own, reached through a real socket.
type rig struct {
	t      *testing.T
	store  *postgres.Store
	hub    *realtime.Hub
	server *api.Server
	http   *httptest.Server
	log    *logText
	schema *contract

	arrived chan struct{} // receives for each request that asks to wait
}

// logText is what the server logged.
type logText struct {
	mu    sync.Mutex
	text  bytes.Buffer
	added chan struct{}
}

func (l *logText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case l.added <- struct{}{}:
	default:
	}
	return l.text.Write(p)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func newRig(t *testing.T, changes ...func(*api.Config)) *rig {
	t.Helper()
	return rigAt(t, postgrestest.New(t), changes...)
}

// rigAt is a rig whose server reaches the database by a URL, as its role.
func rigAt(t *testing.T, url string, changes ...func(*api.Config)) *rig {
	t.Helper()
	r := &rig{
		t: t, log: &logText{added: make(chan struct{}, 1)}, schema: readContract(t),
		arrived: make(chan struct{}, 100),
	}
	store, err := postgres.Open(t.Context(), postgres.Options{
		URL: url, MaxConnections: 16, Name: t.Name(), Logger: discard(),
	})
	r.ok(err)
	t.Cleanup(store.Close)
	r.store = store
	prepare(t, store)
	r.hub = realtime.New(api.NewFeed(store, publicURL), discard())
	config := api.Config{
		Store: store, Hub: r.hub, Secrets: box(), PublicURL: "https://tasks.example.com/",
		Version: "test", Logger: slog.New(slog.NewJSONHandler(r.log, nil)),
		Limits: api.Limits{TasksPerSecond: -1}, // tests are in a hurry
	}
	for _, change := range changes {
		change(&config)
	}
	r.server, err = api.New(t.Context(), config)
	r.ok(err)
	r.http = r.serve(r.server)
	return r
}

// serve puts a server behind a real socket.
func (r *rig) serve(server *api.Server) *httptest.Server {
	listening := httptest.NewUnstartedServer(nil)
	listening.Config = server.HTTP()
	listening.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		if request.URL.Query().Has("wait") {
			r.arrived <- struct{}{}
		}
		server.Handler().ServeHTTP(w, request)
	})
	listening.Start()
	r.t.Cleanup(listening.Close)
	return listening
}

// arrival returns when a request that asks to wait has reached the server.
func (r *rig) arrival() {
	r.t.Helper()
	select {
	case <-r.arrived:
	case <-time.After(patience):
		r.t.Fatal("no request came")
	}
}

// logged returns when the log has a text.
func (r *rig) logged(text string) {
	r.t.Helper()
	late := time.After(patience)
	for !strings.Contains(r.log.String(), text) {
		select {
		case <-r.log.added:
		case <-late:
			r.t.Fatalf("the log never says %s:\n%s", text, r.log)
		}
	}
}

func box() *secret.Box { return secret.NewBox(secret.Key{1}) }

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// prepare gives a database what tests need: partitions, kinds, a pool and keys.
func prepare(t testing.TB, store *postgres.Store) {
	t.Helper()
	err := errors.Join(
		store.EnsurePartitions(t.Context(), time.Now(), 2),
		store.SyncKinds(t.Context(), rigKinds()),
		store.SyncPools(t.Context(), []jobs.Pool{{Name: "default", Provider: "process", Slots: 4}}))
	for _, key := range []jobs.Key{{Name: "a", Owner: "ada"}, {Name: "b", Owner: "bob"}, {Name: "r", Owner: "root", Admin: true}} {
		key.Secrets = secretOf("key-of-" + key.Owner)
		err = errors.Join(err, store.SaveKey(t.Context(), key))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// secretOf is what is known of a key's text.
func secretOf(text string) []jobs.KeySecret {
	return []jobs.KeySecret{{Hash: sha256.Sum256([]byte(text))}}
}

func rigKinds() []jobs.Kind {
	kind := func(name, input string, change func(*jobs.Kind)) jobs.Kind {
		k := jobs.Kind{
			Name: name, Command: []string{"true"}, Pool: "default", Timeout: 10 * time.Minute, Retry: jobs.Retry{MaxAttempts: 3},
		}
		if input != "" {
			k.Input = json.RawMessage(input)
		}
		change(&k)
		return k
	}
	return []jobs.Kind{
		kind("report", `{"type":"object","required":["n"],"properties":{"n":{"type":"integer"},"text":{"type":"string"}},"additionalProperties":false}`,
			func(k *jobs.Kind) { k.Description = "Makes a report" }),
		kind("anything", "", func(*jobs.Kind) {}),
		kind("hurried", "", func(k *jobs.Kind) { k.QueueTTL = time.Hour }),
	}
}

func (r *rig) ok(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// answer is what the server said.
type answer struct {
	t      *testing.T
	status int
	header http.Header
	body   string
}

// call makes a request and checks the answer against the OpenAPI document. header is name, value, …
func (r *rig) call(key, method, path, body string, header ...string) answer {
	r.t.Helper()
	return r.callWith(r.t.Context(), key, method, path, body, header...)
}

func (r *rig) callWith(ctx context.Context, key, method, path, body string, header ...string) answer {
	r.t.Helper()
	request, err := http.NewRequestWithContext(ctx, method, r.http.URL+path, strings.NewReader(body))
	r.ok(err)
	if key != "" {
		request.Header.Set("Authorization", "Bearer "+key)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	request.Host = cmp.Or(request.Header.Get("Host"), request.Host)
	response, err := r.http.Client().Do(request)
	r.ok(err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	r.ok(err)
	a := answer{r.t, response.StatusCode, response.Header, string(text)}
	r.schema.check(r.t, request, a)
	return a
}

// want fails the test unless the answer has the status.
func (a answer) want(status int) answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("status %d, want %d: %s", a.status, status, a.body)
	}
	return a
}

// refused fails the test unless the answer is a problem with the code, and with a fault at the pointer
// if one is given.
func (a answer) refused(status int, code, pointer string) {
	a.t.Helper()
	var problem problemDocument
	if err := json.Unmarshal([]byte(a.body), &problem); err != nil {
		a.t.Errorf("status %d, want a problem: %q", a.status, a.body)
		return
	}
	if a.status != status || problem.Status != status || problem.Code != code {
		a.t.Errorf("status %d, code %q; want %d %s: %s", a.status, problem.Code, status, code, a.body)
	}
	if problem.Type != "/docs/errors#"+problem.Code || problem.Title == "" || problem.Detail == "" || problem.RequestID != a.header.Get("X-Request-Id") {
		a.t.Errorf("the problem lacks something: %s", a.body)
	}
	if pointer == "" {
		return
	}
	for _, fault := range problem.Errors {
		if fault.Pointer == pointer && fault.Code != "" && fault.Message != "" {
			return
		}
	}
	a.t.Errorf("no fault at %s: %s", pointer, a.body)
}

type problemDocument struct {
	Type, Title, Code, Detail, RequestID string
	Status                               int
	Errors                               []struct{ Pointer, Code, Message string }
}

// taskDocument is what tests look at of a task.
type taskDocument struct {
	ID, Kind, State, Owner, Priority, Message string
	RerunOf                                   *string
	Input, Output, Metadata                   json.RawMessage
	Run, Attempt, Tries, MaxAttempts          int
	Progress                                  int
	Seq                                       int64
	Tags                                      []string
	Error                                     *jobs.Failure
	Wait                                      *jobs.Wait
	CreatedAt                                 time.Time
	ScheduledAt, CompletedAt                  *time.Time
	CancelRequestedAt                         *time.Time
	Links                                     map[string]string
}

func decode[T any](a answer) T {
	a.t.Helper()
	var value T
	if err := json.Unmarshal([]byte(a.body), &value); err != nil {
		a.t.Fatalf("%v: %s", err, a.body)
	}
	return value
}

func (a answer) task() taskDocument { return decode[taskDocument](a) }

// submit makes a task of ada's.
func (r *rig) submit(body string) taskDocument {
	r.t.Helper()
	return r.call(ada, http.MethodPost, "/v1/tasks", body).want(http.StatusAccepted).task()
}

// claim lets a worker take the task.
func (r *rig) claim(task string) jobs.Claim {
	r.t.Helper()
	worker := uuid.New()
	r.ok(r.store.RegisterWorker(r.t.Context(), jobs.Worker{
		ID: worker, Pool: "default", Host: "here", PID: 1, Slots: 4, Kinds: []string{"report", "anything"}, Version: "test", Lease: lease,
	}))
	candidate := jobs.Candidate{TaskID: uuid.MustParse(task)}
	r.ok(r.store.Pool().QueryRow(r.t.Context(), `SELECT river_job_id, number FROM freshet.attempts
		WHERE task_id = $1 AND state = 'queued'`, candidate.TaskID).Scan(&candidate.RiverJob, &candidate.Attempt))
	claim, refusal, err := r.store.Claim(r.t.Context(), worker, candidate)
	r.ok(err)
	if refusal != jobs.ClaimGranted {
		r.t.Fatalf("claim refused: %s", refusal)
	}
	return claim
}

// printed is output of a running attempt, as its spool would have it.
func printed(stream jobs.Stream, text string) jobs.Record {
	return jobs.Record{At: time.Now(), Type: jobs.TaskLog, Stream: stream, Bytes: []byte(text)}
}

func (r *rig) flush(claim jobs.Claim, from int64, records ...jobs.Record) {
	r.t.Helper()
	_, err := r.store.Flush(r.t.Context(), jobs.Flush{Fence: claim.Fence, From: from, To: from + int64(len(records)), Records: records})
	r.ok(err)
}

func (r *rig) complete(claim jobs.Claim, output string) {
	r.t.Helper()
	r.ok(r.store.End(r.t.Context(), jobs.Ending{
		Fence: claim.Fence, RiverJob: claim.RiverJob, Outcome: jobs.OutcomeCompleted, Output: json.RawMessage(output),
	}))
}

func (r *rig) fail(claim jobs.Claim) {
	r.t.Helper()
	code := 3
	r.ok(r.store.End(r.t.Context(), jobs.Ending{
		Fence: claim.Fence, RiverJob: claim.RiverJob, Outcome: jobs.OutcomeFailed, ExitCode: &code,
		Failure: &jobs.Failure{Code: jobs.CodeExit, Message: "exit code 3", Attempt: claim.Attempt, ExitCode: &code, LogTail: "oops\n"},
		Usage:   &jobs.Usage{CPUSeconds: 0.5, WallSeconds: 1},
	}))
}

func parse(id string) uuid.UUID { return uuid.MustParse(id) }

// uuid is the id of the task that was answered.
func (a answer) uuid() uuid.UUID { return parse(a.task().ID) }
