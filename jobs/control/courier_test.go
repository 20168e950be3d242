package control_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"freshet/jobs"
	"freshet/jobs/control"
	"freshet/jobs/metrics"
	"freshet/jobs/postgres"
	"freshet/jobs/postgres/postgrestest"
	"freshet/jobs/secret"
	"freshet/jobs/webhook"
)

func TestMain(m *testing.M) { postgrestest.Main(m) }

const patience = 30 * time.Second

// post is a database, couriers that work on it, and a receiver on this machine.
type post struct {
	*postgres.Store

	t        *testing.T
	seal     webhook.Seal
	receiver *receiver
	metrics  *metrics.Replica
}

func newPost(t *testing.T) *post {
	t.Helper()
	store, err := postgres.Open(t.Context(), postgres.Options{
		URL: postgrestest.New(t), MaxConnections: 16, Name: t.Name(), Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	p := &post{Store: store, t: t, seal: webhook.NewSeal(secret.NewBox(secret.Key{1})), receiver: newReceiver(t), metrics: metrics.NewReplica("test", store)}
	p.ok(store.EnsurePartitions(t.Context(), time.Now(), 2))
	p.ok(store.SyncKinds(t.Context(), []jobs.Kind{{Name: "work", Command: []string{"true"}, Pool: "default", Retry: jobs.Retry{MaxAttempts: 3}}}))
	p.ok(store.SyncPools(t.Context(), []jobs.Pool{{Name: "default", Provider: "process", Slots: 4}}))
	return p
}

func (p *post) ok(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// endpoint makes one at the receiver that hears of ada's new tasks, and of other endpoints.
func (p *post) endpoint(path string) jobs.Endpoint {
	p.t.Helper()
	return p.endpointOf("ada", path)
}

func (p *post) endpointOf(owner, path string) jobs.Endpoint {
	p.t.Helper()
	e := jobs.Endpoint{
		ID: uuid.Must(uuid.NewV7()), Owner: owner, URL: p.receiver.URL + path, Enabled: true,
		Events: []jobs.EventType{jobs.TaskCreated, jobs.EndpointDisabled}, Kinds: []string{},
	}
	e.Signing.Secrets = p.seal.Secrets(webhook.OfEndpoint(e.ID), webhook.NewSecret())
	p.ok(p.CreateEndpoint(p.t.Context(), e, 50))
	return e
}

// submit makes tasks of ada's, of each of which an endpoint hears.
func (p *post) submit(count int) (ids []uuid.UUID) {
	p.t.Helper()
	return p.submitOf("ada", count)
}

func (p *post) submitOf(owner string, count int) (ids []uuid.UUID) {
	p.t.Helper()
	submissions := make([]jobs.Submission, count)
	for i := range submissions {
		submissions[i] = jobs.Submission{
			ID: uuid.Must(uuid.NewV7()), Owner: owner, Kind: "work", KindHash: "h", Pool: "default",
			MaxTries: 3, Priority: jobs.Normal, Input: json.RawMessage(`{}`),
		}
		ids = append(ids, submissions[i].ID)
	}
	_, err := p.SubmitAll(p.t.Context(), submissions)
	p.ok(err)
	return ids
}

// courier runs one more courier until the test ends, or stop is called. It tries again at once.
func (p *post) courier() (c *control.Courier, stop func()) {
	p.t.Helper()
	sender := webhook.NewSender(webhook.Policy{Loopback: true})
	c = control.NewCourier(control.CourierConfig{
		Store: p.Store, Sender: sender, Seal: p.seal, Logger: slog.New(slog.DiscardHandler), Metrics: p.metrics,
		Compose: func(s jobs.Sending) ([]byte, error) {
			return json.Marshal(map[string]any{"type": s.Type, "taskId": s.TaskID, "state": s.Told.Task.State, "data": s.Told.Data})
		},
		Delay: func(failures int, _ time.Duration) (time.Duration, bool) { return time.Millisecond, failures < 20 },
	})
	ctx, cancel := context.WithCancel(context.WithoutCancel(p.t.Context()))
	done := make(chan struct{})
	go func() { defer close(done); _ = c.Run(ctx) }()
	stop = sync.OnceFunc(func() { cancel(); <-done; sender.Close() })
	p.t.Cleanup(stop)
	return c, stop
}

// until waits for a condition, which each message may make true.
func (p *post) until(what string, holds func() bool) {
	p.t.Helper()
	late := time.After(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-late:
			p.t.Fatalf("%s: never", what)
		}
	}
}

func (p *post) delivery(filter jobs.DeliveryFilter) jobs.Delivery {
	p.t.Helper()
	all, err := p.Deliveries(p.t.Context(), filter, uuid.Nil, 1)
	p.ok(err)
	if len(all) == 0 {
		p.t.Fatal("there is no delivery")
	}
	return all[0]
}

// A thousand events, two replicas, and a receiver that fails one time in ten: each event arrives, under one
// id and with the same bytes each time, and the receiver never has more than four at once.
func TestEachEventArrives(t *testing.T) {
	t.Parallel()
	const events = 1000
	p := newPost(t)
	endpoint := p.endpoint("/")
	p.receiver.answers(func(n int, _ message) int {
		if n%10 == 0 {
			return http.StatusInternalServerError
		}
		return http.StatusOK
	})
	for range 2 {
		p.courier()
	}
	tasks := p.submit(events)
	pending := jobs.DeliveryFilter{Endpoint: endpoint.ID, State: jobs.DeliveryPending}
	p.until("nothing is pending", func() bool {
		left, err := p.Deliveries(t.Context(), pending, uuid.Nil, 1)
		p.ok(err)
		return len(left) == 0
	})
	byID := p.receiver.received()
	if len(byID) != events {
		t.Errorf("%d ids for %d events", len(byID), events)
	}
	sendings := 0
	for _, task := range tasks {
		messages := byID[task.String()+"_1"]
		if len(messages) == 0 {
			t.Fatalf("the event of task %s never arrived", task)
		}
		sendings += len(messages)
		for _, m := range messages {
			if m.body != messages[0].body || !strings.Contains(m.body, task.String()) {
				t.Errorf("message %s has several bodies, or another's", m.id)
			}
		}
	}
	if sendings < events*11/10 || p.receiver.most > 4 {
		t.Errorf("%d sendings of %d events; %d at once", sendings, events, p.receiver.most)
	}
	t.Logf("%d events, %d sendings, at most %d at once", events, sendings, p.receiver.most)
}

// Whoever took a delivery may die: its time passes, and another sends it. If it wakes, it records nothing.
func TestDeliveryOfADeadReplica(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	endpoint := p.endpoint("/")
	p.submit(1)
	var taken []jobs.Sending
	p.until("it is taken", func() bool {
		var err error
		taken, err = p.TakeDeliveries(t.Context(), 10, 4, time.Millisecond)
		p.ok(err)
		return len(taken) == 1
	})
	p.courier()
	filter := jobs.DeliveryFilter{Endpoint: endpoint.ID}
	p.until("it is delivered", func() bool { return p.delivery(filter).State == jobs.DeliveryDelivered })
	p.ok(p.Sent(t.Context(), jobs.Sent{Delivery: taken[0].ID, Number: taken[0].Tries, Body: []byte("x"), Try: jobs.DeliveryTry{At: time.Now(), Error: "late"}}))
	if d := p.delivery(filter); d.State != jobs.DeliveryDelivered || d.Last.Status != http.StatusOK || d.Tries < 2 {
		t.Errorf("after the dead one woke: %+v, last try %+v", d, d.Last)
	}
}

// Each try is counted by what became of it.
func TestTriesAreCounted(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	p.endpoint("/gone")
	p.endpoint("/third")
	thirds := 0
	p.receiver.answers(func(_ int, m message) int {
		if m.path == "/gone" {
			return http.StatusGone
		}
		if thirds++; thirds < 3 {
			return http.StatusBadGateway
		}
		return http.StatusOK
	})
	p.courier()
	p.submit(1)
	for _, line := range []string{
		`freshet_deliveries_total{result="gone"} 1`, `freshet_deliveries_total{result="retried"} 2`, `freshet_deliveries_total{result="delivered"} 2`, // the second tells that an endpoint was disabled
	} {
		p.until(line, func() bool { return p.counted(line) })
	}
}

func TestGoneDisables(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	gone, other := p.endpoint("/gone"), p.endpoint("/other")
	p.receiver.answers(func(_ int, m message) int {
		if m.path == "/gone" {
			return http.StatusGone
		}
		return http.StatusOK
	})
	p.courier()
	p.submit(1)
	p.until("it is disabled", func() bool {
		e, err := p.Endpoint(t.Context(), gone.ID)
		p.ok(err)
		return !e.Enabled
	})
	if d := p.delivery(jobs.DeliveryFilter{Endpoint: gone.ID}); d.State != jobs.DeliveryFailed || d.Tries != 1 || string(d.Last.Answer) != "Gone" {
		t.Errorf("delivery %+v, last try %+v", d, d.Last)
	}
	p.until("the other one hears of it", func() bool {
		d := p.delivery(jobs.DeliveryFilter{Endpoint: other.ID})
		return d.Type == jobs.EndpointDisabled && d.State == jobs.DeliveryDelivered
	})
	for id, messages := range p.receiver.received() {
		if strings.Contains(id, "disabled") && !strings.Contains(messages[0].body, gone.ID.String()) {
			t.Errorf("it hears %s", messages[0].body)
		}
	}
	before := len(p.receiver.received())
	p.submit(1)
	p.until("the other one hears of the next task", func() bool { return len(p.receiver.received()) == before+1 })
}

// Five days of failures disable an endpoint; any success begins them anew.
func TestDaysOfFailuresDisable(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	e := p.endpoint("/")
	failing := func(days int, send bool) jobs.Endpoint {
		t.Helper()
		_, err := p.Pool().Exec(t.Context(), `UPDATE freshet.endpoints SET failing_since = clock_timestamp() - $2 * interval '1 day' WHERE id = $1`, e.ID, days)
		p.ok(err)
		p.submit(1)
		taken, err := p.TakeDeliveries(t.Context(), 1, 4, time.Minute)
		p.ok(err)
		p.ok(p.Sent(t.Context(), jobs.Sent{Delivery: taken[0].ID, Number: taken[0].Tries, Body: []byte("{}"), OK: send, Try: jobs.DeliveryTry{At: time.Now()}}))
		now, err := p.Endpoint(t.Context(), e.ID)
		p.ok(err)
		return now
	}
	if now := failing(4, false); !now.Enabled {
		t.Error("disabled after four days")
	}
	if now := failing(6, true); !now.Enabled || now.FailingAt != nil {
		t.Errorf("after a success: %+v", now)
	}
	if now := failing(6, false); now.Enabled || !strings.Contains(now.Disabled, "5 days") {
		t.Errorf("after six days: %+v", now)
	}
}

// One owner's receivers are many and slow, and take all that can be sent at once: what becomes free is another's.
func TestNoOwnerKeepsAnothersMessagesWaiting(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	for range 10 {
		p.endpoint("/slow")
	}
	p.submit(5)
	take := func(limit int) (owners string) {
		t.Helper()
		taken, err := p.TakeDeliveries(t.Context(), limit, 4, time.Minute)
		p.ok(err)
		for _, sending := range taken {
			owners += sending.Owner + " "
		}
		return owners
	}
	if got := take(20); got != strings.Repeat("ada ", 20) {
		t.Errorf("alone, ada has %s", got)
	}
	p.endpointOf("bob", "/")
	p.submitOf("bob", 6)
	if got := take(1) + take(2) + take(1); got != strings.Repeat("bob ", 4) {
		t.Errorf("what became free is %s", got)
	}
	if got := take(1); got != "ada " { // bob's one endpoint has all that it may have at once
		t.Errorf("after bob's it is the turn of %s", got)
	}
}

func TestPausedEndpointWaits(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	e := p.endpoint("/")
	p.ok(p.ChangeEndpoint(t.Context(), e.ID, func(e *jobs.Endpoint, now time.Time) error { e.PausedAt = &now; return nil }))
	p.submit(3)
	if taken, err := p.TakeDeliveries(t.Context(), 10, 4, time.Minute); err != nil || len(taken) != 0 {
		t.Errorf("taken of a paused endpoint: %d, %v", len(taken), err)
	}
	if _, waits, err := p.NextDelivery(t.Context()); waits || err != nil {
		t.Errorf("something is due: %v", err)
	}
	p.ok(p.ChangeEndpoint(t.Context(), e.ID, func(e *jobs.Endpoint, _ time.Time) error { e.PausedAt = nil; return nil }))
	if taken, err := p.TakeDeliveries(t.Context(), 10, 4, time.Minute); err != nil || len(taken) != 3 {
		t.Errorf("taken after it goes on: %d, %v", len(taken), err)
	}
}

// While a secret is replaced, both sign; when the time of the one before is up, it does not.
func TestBothSecretsSign(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	e := p.endpoint("/")
	whose := webhook.OfEndpoint(e.ID)
	before, after := webhook.NewSecret(), webhook.NewSecret()
	for keep, want := range map[time.Duration]int{time.Hour: 2, -time.Hour: 1} {
		p.ok(p.ChangeEndpoint(t.Context(), e.ID, func(e *jobs.Endpoint, now time.Time) error {
			until := now.Add(keep)
			e.Signing = jobs.Signing{Secrets: p.seal.Secrets(whose, after, before), Until: &until}
			return nil
		}))
		known := len(p.receiver.received())
		_, stop := p.courier()
		p.submit(1)
		p.until("a message comes", func() bool { return len(p.receiver.received()) == known+1 })
		stop()
		p.receiver.mu.Lock()
		m := p.receiver.messages[len(p.receiver.messages)-1]
		p.receiver.mu.Unlock()
		if got := len(strings.Fields(m.header.Get(webhook.HeaderSignature))); got != want {
			t.Errorf("%d signatures, want %d", got, want)
		}
		for secret, good := range map[string]bool{after: true, before: want == 2} {
			secrets, err := webhook.ParseSecrets(secret)
			p.ok(err)
			if _, err := secrets.Verify(m.header, []byte(m.body), time.Now()); (err == nil) != good {
				t.Errorf("a receiver with %s: %v", map[bool]string{true: "the new secret", false: "the one before"}[secret == after], err)
			}
		}
	}
}

// What is told is what was true when it happened, however late it is sent, and a resend changes nothing of it.
func TestMessageIsOfItsTime(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	endpoint := p.endpoint("/")
	task := p.submit(1)[0]
	p.ok(p.Cancel(t.Context(), task))
	p.courier()
	filter := jobs.DeliveryFilter{Endpoint: endpoint.ID}
	p.until("it is delivered", func() bool { return p.delivery(filter).State == jobs.DeliveryDelivered })
	p.ok(p.Resend(t.Context(), p.delivery(filter).ID))
	p.until("it comes again", func() bool { return len(p.receiver.received()[task.String()+"_1"]) == 2 })
	messages := p.receiver.received()[task.String()+"_1"]
	if messages[0].body != messages[1].body || !strings.Contains(messages[0].body, `"state":"pending"`) {
		t.Errorf("sent %s, then %s", messages[0].body, messages[1].body)
	}
}
