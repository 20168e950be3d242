package fly_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"freshet/jobs/fleet/fly/flyfake"
)

func newIntent() uuid.UUID { return uuid.New() }

func (s *stand) state(id string) string {
	for _, m := range s.Machines() {
		if m.ID == id {
			return m.State
		}
	}
	return ""
}

// idle is a machine that waits.
func (s *stand) idle(t *testing.T) string {
	t.Helper()
	return s.idles(t, 1)[0]
}

// idles are machines that wait.
func (s *stand) idles(t *testing.T, n int) []string {
	t.Helper()
	var ids []string
	for range n {
		ids = append(ids, s.start(t, s.pool(t, nil)))
	}
	for _, id := range ids {
		s.end(id, 0)
		s.until(t, func() bool { return s.state(id) == "stopped" })
	}
	return ids
}

// claim leaves an order in a machine, as a replica that died has.
func (s *stand) claim(t *testing.T, id string, intent uuid.UUID, ago time.Duration) {
	t.Helper()
	mark := s.Machines()[0].Events[0].Timestamp
	s.post(t, "/"+id+"/metadata/freshet_claim", fmt.Sprintf(`{"value": "%s %d %d"}`, intent, mark, time.Now().Add(-ago).UnixMilli()))
}

// post sends what somebody else may send.
func (s *stand) post(t *testing.T, path, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/v1/apps/"+flyfake.App+"/machines"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "FlyV1 "+flyfake.Token)
	response, err := s.transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatalf("got %s", response.Status)
	}
}

func (s *stand) until(t *testing.T, yes func() bool) {
	t.Helper()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !yes() {
		select {
		case <-deadline.C:
			t.Fatalf("it did not come to it: %+v", s.Machines())
		case <-tick.C:
		}
	}
}
