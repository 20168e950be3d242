package fly_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"freshet/jobs/fleet/fly/flyfake"
)

func newIntent() uuid.UUID { return uuid.New() }

// create makes a machine as somebody else does.
func (s *stand) create(t *testing.T, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/v1/apps/"+flyfake.App+"/machines", strings.NewReader(body))
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
