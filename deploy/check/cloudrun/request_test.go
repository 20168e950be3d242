package cloudrun

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"cloud.google.com/go/run/apiv2/runpb"
	"github.com/google/uuid"
	"google.golang.org/protobuf/encoding/protojson"

	"freshet/jobs/fleet"
	"freshet/jobs/fleet/cloudrun"
)

const (
	parent = "projects/acme/locations/asia-northeast1"
	job    = parent + "/jobs/worker"
)

func pool() cloudrun.Pool {
	return cloudrun.Pool{Project: "acme", Location: "asia-northeast1", Job: "worker", Install: "here", Name: "default"}
}

// TestRequestIsOneOfGoogles decodes the body of jobs:run as the message that it is, where an unknown field is an
// error.
func TestRequestIsOneOfGoogles(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	bodies := make(chan string, 1)
	tap := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, ":run") {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			bodies <- string(body)
			r.Body = io.NopCloser(strings.NewReader(string(body)))
		}
		s.ServeHTTP(w, r)
	}))
	t.Cleanup(tap.Close)
	order := fleet.Order{Intent: uuid.New(), Generation: "one"}
	if _, err := s.fleet(t, tap.URL).Start(t.Context(), order); err != nil {
		t.Fatal(err)
	}
	body := <-bodies
	var request runpb.RunJobRequest
	if err := protojson.Unmarshal([]byte(body), &request); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	overrides := request.GetOverrides()
	if overrides.GetTaskCount() != 1 || len(overrides.GetContainerOverrides()) != 1 {
		t.Fatalf("got %v", overrides)
	}
	got := map[string]string{}
	for _, v := range overrides.GetContainerOverrides()[0].GetEnv() {
		got[v.GetName()] = v.GetValue()
	}
	for name, want := range map[string]string{
		"FRESHET_INSTALL": "here", "FRESHET_POOL": "default", "FRESHET_INTENT": order.Intent.String(), "FRESHET_GENERATION": "one",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, not %q", name, got[name], want)
		}
	}
}

// The check must be able to fail.
func TestMisspeltRequestIsRefused(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"override":{}}`, `{"overrides":{"tasks":1}}`, `{"overrides":{"containerOverrides":[{"environment":[]}]}}`,
	} {
		if err := protojson.Unmarshal([]byte(body), &runpb.RunJobRequest{}); err == nil {
			t.Errorf("%s is taken for a request", body)
		}
	}
}
