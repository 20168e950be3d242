package postgres_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"freshet/jobs"
)

func TestOldActsAreRemoved(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for range 3 {
		b.ok(b.SaveAct(t.Context(), jobs.Act{Actor: "a", Action: "cancel-task", Status: 200}))
	}
	old := uuid.Must(uuid.NewV7())
	millis := time.Now().Add(-366 * day).UnixMilli()
	for i := range 6 {
		old[i] = byte(millis >> (8 * (5 - i)))
	}
	_, err := b.Pool().Exec(t.Context(), `INSERT INTO freshet.audit_log VALUES ($1, 'a', 'ada', 'cancel-task', '', '', '', '', 200)`, old)
	b.ok(err)
	for _, want := range []int{1, 0} {
		if removed, err := b.RemoveOldActs(t.Context(), 365*day, 100); err != nil || removed != want {
			t.Errorf("removed %d, want %d: %v", removed, want, err)
		}
	}
	acts, err := b.Acts(t.Context(), jobs.ActFilter{}, uuid.Nil, 100)
	b.ok(err)
	if len(acts) != 3 || time.Since(acts[0].At()) > time.Hour {
		t.Errorf("left: %+v", acts)
	}
}
