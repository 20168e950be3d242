package client_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"freshet/cmd/client"
)

// serve is a client of a server with one handler.
func serve(t *testing.T, handler http.HandlerFunc) *client.Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	c, err := client.New(server.URL, "secret-key")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestNewRefusesWhatIsNoAddress(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"", "localhost:8080", "ftp://x", "http://", "/v1", "http://[::1"} {
		if _, err := client.New(address, "k"); err == nil {
			t.Errorf("%q was taken for an address", address)
		}
	}
}

func TestSubmitSendsWhatIsGiven(t *testing.T) {
	t.Parallel()
	const answer = `{"id":"x","kind":"report","state":"pending","aFieldOfLater":{"n":1.0}}`
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.URL.Path != "/v1/tasks" || r.Header.Get("Authorization") != "Bearer secret-key" {
			t.Errorf("%s %s with %q", r.Method, r.URL, r.Header.Get("Authorization"))
		}
		var body map[string]any
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil || len(body) != 3 || body["delay"] != "30m" {
			t.Errorf("body %v, %v", body, err)
		}
		w.WriteHeader(http.StatusAccepted)
		_, _ = w.Write([]byte(answer + "\n"))
	})
	task, err := c.Submit(t.Context(), client.Submission{Kind: "report", Input: json.RawMessage(`{}`), Delay: "30m"})
	if err != nil || task.Value.State != "pending" {
		t.Fatalf("%+v, %v", task.Value, err)
	}
	if text, err := json.Marshal(task); err != nil || string(text) != answer {
		t.Errorf("the server's JSON became %s, %v", text, err)
	}
}

func TestProblems(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status    int
		kind      string
		body      string
		want      string
		temporary bool
	}{
		"whole": {
			422, "application/problem+json", `{"title":"Unprocessable","status":422,"code":"invalid_input","detail":"The input does not fit.",
				"errors":[{"pointer":"/input/n","code":"type","message":"must be a number"},{"code":"x","message":"is odd"}]}`,
			"The input does not fit.\n  /input/n must be a number\n  is odd", false,
		},
		"with a charset": {404, "application/problem+json; charset=utf-8", `{"title":"Not Found","status":404}`, "Not Found", false},
		"of the server":  {500, "application/problem+json", `{"detail":"Something broke.","requestId":"r1"}`, "Something broke. (request r1)", true},
		"of a proxy":     {502, "text/html", `<html>Bad Gateway`, "the server answered 502 Bad Gateway", true},
		"broken":         {400, "application/problem+json", `{"detail":`, "the server answered 400 Bad Request", false},
		"too many":       {429, "application/problem+json", `{"detail":"Slow down."}`, "Slow down.", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", test.kind)
				w.WriteHeader(test.status)
				_, _ = w.Write([]byte(test.body))
			})
			_, err := c.Task(t.Context(), taskID)
			var refused *client.Problem
			if !errors.As(err, &refused) || refused.Status != test.status || err.Error() != test.want || client.Temporary(err) != test.temporary {
				t.Errorf("error %q (temporary %t), want %q (temporary %t)", err, client.Temporary(err), test.want, test.temporary)
			}
		})
	}
}

func TestAnotherServerIsNotFreshet(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>hello")) })
	_, err := c.Pools(t.Context())
	var away *client.Unreachable
	if !errors.As(err, &away) || !strings.Contains(err.Error(), "something else") {
		t.Errorf("error %v", err)
	}
}

func TestARedirectIsShownAndNotFollowed(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("the redirect was followed")
	}))
	t.Cleanup(elsewhere.Close)
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere.URL+"/v1/tasks", http.StatusMovedPermanently)
	})
	_, err := c.Submit(t.Context(), client.Submission{Kind: "report"})
	if err == nil || !strings.Contains(err.Error(), elsewhere.URL) {
		t.Errorf("error %v", err)
	}
}

func TestDownload(t *testing.T) {
	t.Parallel()
	const content = "a PDF, say"
	sum := sha256.Sum256([]byte(content))
	for name, test := range map[string]struct {
		body, digest string
		cut          bool
		right        bool
	}{
		"right":         {content, hex.EncodeToString(sum[:]), false, true},
		"changed":       {"a PDF, sad", hex.EncodeToString(sum[:]), false, false},
		"cut off":       {content, hex.EncodeToString(sum[:]), true, false},
		"no digest":     {content, "", false, false},
		"broken digest": {content, "zz", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Authorization") != "" || r.URL.RequestURI() != "/v1/artifacts/7?signature=s" {
					t.Errorf("%s with %q", r.URL, r.Header.Get("Authorization"))
				}
				if test.cut {
					w.Header().Set("Content-Length", "1000")
				}
				_, _ = w.Write([]byte(test.body))
			})
			var got strings.Builder
			err := c.Download(t.Context(), client.Artifact{Name: "page.pdf", SHA256: test.digest, URL: "/v1/artifacts/7?signature=s"}, &got)
			if (err == nil) != test.right || test.right && got.String() != content {
				t.Errorf("%q, %v", got.String(), err)
			}
		})
	}
}
