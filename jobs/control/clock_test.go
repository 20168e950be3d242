package control

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"freshet/jobs"
	"freshet/jobs/postgres"
	"freshet/jobs/postgres/postgrestest"
)

const (
	fastStep  = 5 * time.Millisecond // between two times of a fast schedule
	fastTicks = 200
)

// town is a database with three replicas, and schedules that are due again and again.
type town struct {
	t      *testing.T
	stores []*postgres.Store
	begin  time.Time
	names  []string
}

func newTown(t *testing.T, names ...string) *town {
	t.Helper()
	w := &town{t: t, names: names}
	url := postgrestest.New(t)
	for range 3 {
		store, err := postgres.Open(t.Context(), postgres.Options{URL: url, MaxConnections: 4, Name: t.Name(), Logger: slog.New(slog.DiscardHandler)})
		w.ok(err)
		t.Cleanup(store.Close)
		w.stores = append(w.stores, store)
	}
	store := w.stores[0]
	w.ok(store.EnsurePartitions(t.Context(), time.Now(), 2))
	w.ok(store.SyncKinds(t.Context(), []jobs.Kind{{Name: "work", Command: []string{"true"}, Pool: "default", Retry: jobs.Retry{MaxAttempts: 3}}}))
	w.ok(store.SyncPools(t.Context(), []jobs.Pool{{Name: "default", Provider: "process", Slots: 4}}))
	now, err := store.Now(t.Context())
	w.ok(err)
	w.begin = now.Truncate(time.Microsecond)
	for _, name := range names {
		w.ok(store.CreateSchedule(t.Context(), w.schedule(name)))
	}
	return w
}

func (w *town) schedule(name string) jobs.Schedule {
	return jobs.Schedule{
		Name: name, Owner: "ada", Kind: "work", Input: json.RawMessage(`{}`), Priority: jobs.Normal,
		Cron: "* * * * *", Timezone: "UTC", Missed: jobs.RunOnce, NextAt: w.begin,
	}
}

func (w *town) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// fast plans a time each fastStep, so many of them, and then none for a day.
func (w *town) fast(due jobs.DueSchedule) jobs.Tick {
	submission, err := newPlanner().submission(due, due.NextAt)
	if err != nil {
		return jobs.Tick{NextAt: due.NextAt.Add(fastStep), At: &due.NextAt, Error: err.Error()}
	}
	next := due.NextAt.Add(fastStep)
	if next.Sub(w.begin) >= fastTicks*fastStep {
		next = w.begin.AddDate(0, 0, 1)
	}
	return jobs.Tick{NextAt: next, At: &due.NextAt, Submission: &submission}
}

// run has a clock for each replica go until all times of all schedules are over.
func (w *town) run() {
	w.t.Helper()
	ctx, stop := context.WithTimeout(w.t.Context(), time.Minute)
	defer stop()
	var clocks sync.WaitGroup
	for _, store := range w.stores {
		clock := NewClock(store, slog.New(slog.DiscardHandler))
		clock.plan = func() func(jobs.DueSchedule) jobs.Tick { return w.fast }
		clocks.Go(func() { _ = clock.Run(ctx) })
		clocks.Go(func() { // hints, as from a busy system
			for ticker := time.NewTicker(fastStep); ; {
				select {
				case <-ctx.Done():
					ticker.Stop()
					return
				case <-ticker.C:
					clock.Wake()
				}
			}
		})
	}
	for look := time.Tick(20 * time.Millisecond); !w.over(ctx); {
		select {
		case <-look:
		case <-ctx.Done():
			w.t.Error("the schedules are not over")
			return
		}
	}
	stop()
	clocks.Wait()
}

func (w *town) over(ctx context.Context) bool {
	var left int
	err := w.stores[0].Pool().QueryRow(ctx, `SELECT count(*) FROM freshet.schedules WHERE next_at < $1`, w.begin.Add(time.Hour)).Scan(&left)
	return err == nil && left == 0
}

// wrong lists the times of all schedules that made no task, or more than one.
func (w *town) wrong() (wrong []string) {
	w.t.Helper()
	rows, err := w.stores[0].Pool().Query(w.t.Context(), `SELECT metadata->>'schedule', (metadata->>'scheduledFor')::timestamptz FROM freshet.tasks`)
	w.ok(err)
	defer rows.Close()
	made := map[string]int{}
	for rows.Next() {
		var name string
		var at time.Time
		w.ok(rows.Scan(&name, &at))
		made[fmt.Sprint(name, " ", at.Sub(w.begin))]++
	}
	w.ok(rows.Err())
	for _, name := range w.names {
		for n := range fastTicks {
			key := fmt.Sprint(name, " ", time.Duration(n)*fastStep)
			if made[key] != 1 {
				wrong = append(wrong, fmt.Sprintf("%s: %d", key, made[key]))
			}
			delete(made, key)
		}
	}
	for key := range made {
		wrong = append(wrong, key+" is no time of it")
	}
	return wrong
}

func TestEachTimeMakesOneTask(t *testing.T) {
	t.Parallel()
	w := newTown(t, "one", "two")
	w.run()
	if wrong := w.wrong(); len(wrong) > 0 {
		t.Errorf("%d times are wrong: %s", len(wrong), strings.Join(wrong, ", "))
	}
}

// A replica whose session dies in the middle of its commit, again and again, loses and doubles nothing.
func TestEachTimeMakesOneTaskWhoeverDies(t *testing.T) {
	t.Parallel()
	w := newTown(t, "one")
	_, err := w.stores[0].Pool().Exec(t.Context(), `CREATE SEQUENCE public.commits;
		CREATE FUNCTION public.die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			IF nextval('public.commits') % 4 = 0 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;
			RETURN NULL;
		END $$;
		CREATE CONSTRAINT TRIGGER die AFTER UPDATE ON freshet.schedules DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.die()`)
	w.ok(err)
	w.run()
	var commits int
	w.ok(w.stores[0].Pool().QueryRow(t.Context(), `SELECT last_value FROM public.commits`).Scan(&commits))
	if wrong := w.wrong(); len(wrong) > 0 || commits < fastTicks*5/4 {
		t.Errorf("of %d commits; %d times are wrong: %s", commits, len(wrong), strings.Join(wrong, ", "))
	}
}

// The negative control: replicas that submit first and note it afterwards double tasks, and it is seen.
func TestTwoStepsWouldDouble(t *testing.T) {
	t.Parallel()
	w := newTown(t, "one")
	var replicas, looked sync.WaitGroup
	looked.Add(len(w.stores))
	for _, store := range w.stores {
		replicas.Go(func() {
			schedule, err := store.Schedule(t.Context(), "one")
			looked.Done()
			looked.Wait()
			kinds, listing := store.Kinds(t.Context())
			if err != nil || listing != nil {
				t.Error(err, listing)
				return
			}
			tick := w.fast(jobs.DueSchedule{Schedule: schedule, Now: schedule.NextAt, Target: &kinds[0]})
			_, err = store.Submit(t.Context(), *tick.Submission)
			if err == nil {
				_, err = store.Pool().Exec(t.Context(), `UPDATE freshet.schedules SET next_at = $1`, tick.NextAt)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	replicas.Wait()
	if wrong := w.wrong(); len(wrong) == 0 || wrong[0] != "one 0s: 3" {
		t.Errorf("three replicas that share nothing made %v", wrong)
	}
}
