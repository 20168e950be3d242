package api_test

import (
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"freshet/api"
	"freshet/jobs/postgres"
	"freshet/jobs/postgres/postgrestest"
	"freshet/jobs/realtime"
)

// BenchmarkSubmit is the way of a submit without the socket. Refused is without the database too: the
// last check fails, so all that the handler does by itself is measured.
func BenchmarkSubmit(b *testing.B) {
	store, err := postgres.Open(b.Context(), postgres.Options{URL: postgrestest.New(b), MaxConnections: 8, Name: "bench", Logger: discard()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(store.Close)
	prepare(b, store)
	server, err := api.New(b.Context(), api.Config{
		Store: store, Hub: realtime.New(api.NewFeed(store, ""), discard()), Secrets: box(), Logger: discard(),
		Limits: api.Limits{TasksPerSecond: -1, OpenTasks: 1 << 20},
	})
	if err != nil {
		b.Fatal(err)
	}
	submit := func(b *testing.B, body string, want int) {
		b.Helper()
		request := httptest.NewRequestWithContext(b.Context(), http.MethodPost, "/v1/tasks", strings.NewReader(body))
		request.Header.Set("Authorization", "Bearer "+ada)
		request.Header.Set("Content-Type", "application/json")
		recorder := httptest.NewRecorder()
		server.Handler().ServeHTTP(recorder, request)
		if recorder.Code != want {
			b.Errorf("status %d: %s", recorder.Code, recorder.Body)
		}
	}
	text := strings.Repeat("x", 200)
	b.Run("refused", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			submit(b, `{"kind":"report","input":{"n":"x","text":"`+text+`"},"tags":["a","b"],"idempotencyKey":"k"}`, http.StatusUnprocessableEntity)
		}
	})
	b.Run("stored", func(b *testing.B) {
		b.ReportAllocs()
		b.SetParallelism(64 / runtime.GOMAXPROCS(0))
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				submit(b, `{"kind":"report","input":{"n":1,"text":"`+text+`"},"tags":["a","b"]}`, http.StatusAccepted)
			}
		})
	})
}
