package api_test

import (
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"freshet/api"
	"freshet/jobs/postgres"
)

// wire stands between a store and the database, and can be cut or plugged.
type wire struct {
	listener net.Listener
	target   string
	all      sync.WaitGroup

	mu    sync.Mutex
	stuck bool
	ends  []net.Conn
}

// newWire returns a wire to the database of a URL, and the URL that leads through it.
func newWire(t *testing.T, database string) (*wire, string) {
	t.Helper()
	address, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{listener: listener, target: address.Host}
	w.all.Go(w.accept)
	t.Cleanup(func() { w.cut(); w.all.Wait() })
	address.Host = listener.Addr().String()
	return w, address.String()
}

func (w *wire) accept() {
	for {
		near, err := w.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", w.target)
		if err != nil {
			_ = near.Close()
			continue
		}
		w.mu.Lock()
		w.ends = append(w.ends, near, far)
		w.mu.Unlock()
		w.all.Go(func() { w.carry(far, near) })
		w.all.Go(func() { w.carry(near, far) })
	}
}

func (w *wire) carry(to io.WriteCloser, from io.Reader) {
	defer to.Close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		w.mu.Lock()
		stuck := w.stuck
		w.mu.Unlock()
		if !stuck && n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// cut closes all connections and lets none in any more.
func (w *wire) cut() {
	_ = w.listener.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, end := range w.ends {
		_ = end.Close()
	}
}

// plug swallows whatever comes from now on: nothing fails, and nothing answers.
func (w *wire) plug() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stuck = true
}

// throughWire is the rig with another server, whose store reaches the database through a wire.
func (r *rig) throughWire() (*rig, *wire) {
	r.t.Helper()
	w, address := newWire(r.t, r.store.Pool().Config().ConnString())
	store, err := postgres.Open(r.t.Context(), postgres.Options{URL: address, MaxConnections: 4, Name: "wire", Logger: discard()})
	r.ok(err)
	r.t.Cleanup(store.Close)
	r.t.Cleanup(w.cut) // before: a pool waits long for answers that never come
	server, err := api.New(r.t.Context(), api.Config{
		Store: store, Hub: r.hub, Secrets: box(), Logger: discard(), Limits: api.Limits{Work: 500 * time.Millisecond, BodyTime: 500 * time.Millisecond},
	})
	r.ok(err)
	other := *r
	other.http = r.serve(server)
	return &other, w
}

func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	for name, breakIt := range map[string]func(*wire){"cut off": (*wire).cut, "black hole": (*wire).plug} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			task := r.submit(`{"kind":"anything"}`)
			through, wire := r.throughWire()
			through.callUntil(http.StatusAccepted, ada, http.MethodPost, "/v1/tasks", `{"kind":"anything"}`) // a busy machine is late, too
			breakIt(wire)
			begun := time.Now()
			for range 2 {
				lost := through.call(ada, http.MethodPost, "/v1/tasks", `{"kind":"anything"}`)
				lost.refused(http.StatusServiceUnavailable, "unavailable", "")
				if !strings.Contains(lost.body, "idempotencyKey") {
					t.Errorf("a submit without an answer: %s", lost.body)
				}
				for _, a := range []answer{
					through.call(ada, http.MethodGet, "/v1/tasks/"+task.ID, ""),
					through.call(ada, http.MethodGet, "/v1/tasks/"+task.ID+"/logs", ""),
					through.call(ada, http.MethodGet, "/v1/tasks", ""),
					through.call("new key", http.MethodGet, "/v1/kinds", ""),
					through.call("", http.MethodGet, "/readyz", ""),
				} {
					a.refused(http.StatusServiceUnavailable, "unavailable", "")
					if a.header.Get("Retry-After") == "" {
						t.Errorf("no Retry-After: %s", a.body)
					}
				}
			}
			if took := time.Since(begun); took > patience {
				t.Errorf("twelve answers took %s", took)
			}
			through.call("", http.MethodGet, "/healthz", "").want(http.StatusOK)
		})
	}
}
