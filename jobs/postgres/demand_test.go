package postgres_test

import (
	"database/sql"
	"os"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/uuid"
	_ "github.com/jackc/pgx/v5/stdlib"

	"freshet/jobs/postgres/postgrestest"
)

// TestKEDAsQuery asks what the manifest for KEDA asks, as KEDA does: one number, by database/sql, into a
// float64.
func TestKEDAsQuery(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../deploy/kubernetes/worker.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct {
		Spec struct {
			Triggers []struct{ Metadata struct{ Query string } }
		}
	}
	if err := yaml.Unmarshal(text, &manifest); err != nil || len(manifest.Spec.Triggers) != 1 {
		t.Fatalf("%+v, %v", manifest, err)
	}
	url := postgrestest.New(t)
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	demand := func(when string, want float64) {
		t.Helper()
		var got float64
		if err := db.QueryRowContext(t.Context(), manifest.Spec.Triggers[0].Metadata.Query).Scan(&got); err != nil {
			t.Fatalf("%s: %v", when, err)
		}
		if got != want {
			t.Errorf("%s it is %v, want %v", when, got, want)
		}
	}
	demand("before the first API has started", 0)
	b := benchAt(t, url)
	demand("without tasks", 0)
	tasks := []uuid.UUID{b.submit(), b.submit(), b.submit()}
	demand("of three tasks that wait", 3)
	b.claim(tasks[0], b.worker("work"))
	demand("when a worker has one", 2)
}
