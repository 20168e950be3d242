package cloudrun_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"freshet/jobs/fleet/cloudrun"
)

// metadataServer answers as the one of Google does, and counts.
type metadataServer struct {
	asked  int
	life   time.Duration
	status int
}

func (m *metadataServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.asked++
	switch {
	case r.Header.Get("Metadata-Flavor") != "Google":
		w.WriteHeader(http.StatusForbidden)
	case r.URL.Path != "/computeMetadata/v1/instance/service-accounts/default/token":
		w.WriteHeader(http.StatusNotFound)
	case m.status != 0:
		w.WriteHeader(m.status)
	default:
		fmt.Fprintf(w, `{"access_token":"token-%d","expires_in":%d,"token_type":"Bearer"}`, m.asked, int(m.life.Seconds()))
	}
}

func TestMetadataTokensAreKeptUntilShortlyBeforeTheirEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := &metadataServer{life: time.Hour}
		tokens := cloudrun.NewMetadata("http://metadata.google.internal", inMemory{server})
		for _, step := range []struct {
			wait time.Duration
			want string
		}{
			{0, "token-1"}, {time.Minute, "token-1"}, {56 * time.Minute, "token-1"}, {time.Minute, "token-2"}, {0, "token-2"},
		} {
			<-time.After(step.wait)
			got, err := tokens.Token(t.Context())
			if err != nil || got != step.want {
				t.Errorf("got %q, %v, want %q", got, err, step.want)
			}
		}
	})
}

func TestMetadataFailures(t *testing.T) {
	t.Parallel()
	server := &metadataServer{life: time.Hour, status: http.StatusInternalServerError}
	tokens := cloudrun.NewMetadata("http://metadata.google.internal", inMemory{server})
	if _, err := tokens.Token(t.Context()); err == nil || !strings.Contains(err.Error(), "500") {
		t.Errorf("got %v", err)
	}
	server.status = http.StatusNoContent
	if _, err := tokens.Token(t.Context()); err == nil {
		t.Error("an answer without a token is none")
	}
	server.status = 0
	if got, err := tokens.Token(t.Context()); err != nil || got != "token-3" {
		t.Errorf("after a failure: %q, %v", got, err)
	}
}
