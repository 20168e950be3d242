package postgres_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"freshet/jobs"
)

// timetable is a schedule that is due when the database says so now.
func (b *bench) timetable(name string) jobs.Schedule {
	b.t.Helper()
	now, err := b.Now(b.t.Context())
	b.ok(err)
	return jobs.Schedule{
		Name: name, Owner: "ada", Kind: "work", Input: json.RawMessage(`{"n": 1.0}`), Tags: []string{"a,b", `"`}, Priority: jobs.High,
		Cron: "* * * * *", Timezone: "UTC", Missed: jobs.RunOnce, NextAt: now.Truncate(time.Microsecond),
	}
}

func (b *bench) read(name string) jobs.Schedule {
	b.t.Helper()
	schedule, err := b.Schedule(b.t.Context(), name)
	b.ok(err)
	return schedule
}

// once plans one task for a due schedule, and then none for an hour.
func once(due jobs.DueSchedule) jobs.Tick {
	sub := submission()
	sub.Tags = due.Tags
	return jobs.Tick{NextAt: due.Now.Add(time.Hour), At: &due.NextAt, Submission: &sub}
}

func (b *bench) tick(plan func(jobs.DueSchedule) jobs.Tick) int {
	b.t.Helper()
	done, err := b.Tick(b.t.Context(), 10, plan)
	b.ok(err)
	return done
}

func (b *bench) tasks() int {
	b.t.Helper()
	var n int
	b.ok(b.Pool().QueryRow(b.t.Context(), `SELECT count(*) FROM freshet.tasks`).Scan(&n))
	return n
}

func TestScheduleIsKept(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	made := b.timetable("s")
	b.ok(b.CreateSchedule(t.Context(), made))
	if err := b.CreateSchedule(t.Context(), made); !errors.Is(err, jobs.ErrExists) {
		t.Errorf("made twice: %v", err)
	}
	got := b.read("s")
	if got.Source != jobs.FromAPI || string(got.Input) != `{"n": 1.0}` || got.Tags[0] != "a,b" || got.Tags[1] != `"` || got.Priority != jobs.High ||
		!got.NextAt.Equal(made.NextAt) || got.PausedAt != nil || got.LastAt != nil || got.LastTaskID != uuid.Nil || got.CreatedAt.IsZero() {
		t.Errorf("schedule %+v", got)
	}
	refused := errors.New("refused")
	err := b.ChangeSchedule(t.Context(), "s", func(schedule *jobs.Schedule, _ time.Time) error {
		schedule.Kind = "other"
		return refused
	})
	if !errors.Is(err, refused) || b.read("s").Kind != "work" {
		t.Errorf("a refused change: %v, %+v", err, b.read("s"))
	}
	if err := b.ChangeSchedule(t.Context(), "none", nil); !errors.Is(err, jobs.ErrNotFound) {
		t.Errorf("changed what is not there: %v", err)
	}
	if err := b.RemoveSchedule(t.Context(), "s", "bob"); !errors.Is(err, jobs.ErrNotFound) {
		t.Errorf("another owner removed it: %v", err)
	}
	b.ok(b.RemoveSchedule(t.Context(), "s", "ada"))
	if _, err := b.Schedule(t.Context(), "s"); !errors.Is(err, jobs.ErrNotFound) {
		t.Errorf("it is still there: %v", err)
	}
}

func TestTickMakesTheTaskAndTheNextTime(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	made := b.timetable("s")
	b.ok(b.CreateSchedule(t.Context(), made))
	if due, some, err := b.NextTick(t.Context()); err != nil || !some || due > 0 {
		t.Errorf("due in %s: %v, %v", due, some, err)
	}
	if done := b.tick(func(due jobs.DueSchedule) jobs.Tick {
		if due.Target == nil || due.Target.Name != "work" || len(due.Target.Revision) != 64 || due.Now.Before(due.NextAt) {
			t.Errorf("due %+v", due)
		}
		return once(due)
	}); done != 1 {
		t.Errorf("%d were due", done)
	}
	got := b.read("s")
	if !got.LastAt.Equal(made.NextAt) || got.LastError != "" || time.Until(got.NextAt) < 59*time.Minute {
		t.Errorf("schedule %+v", got)
	}
	task := b.task(got.LastTaskID)
	if task.State != jobs.Pending || task.Tags[0] != "a,b" {
		t.Errorf("task %+v", task)
	}
	if _, queued := b.candidate(task.ID); !queued {
		t.Error("the task has no River job")
	}
	if due, some, err := b.NextTick(t.Context()); err != nil || !some || due < 59*time.Minute {
		t.Errorf("due again in %s: %v, %v", due, some, err)
	}
	if done := b.tick(once); done != 0 || b.tasks() != 1 {
		t.Errorf("%d were due again, and there are %d tasks", done, b.tasks())
	}
	b.dense(t.Context())
}

func TestTickWaits(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.ok(b.CreateSchedule(t.Context(), b.timetable("s")))
	pause := func(at *time.Time) {
		b.ok(b.ChangeSchedule(t.Context(), "s", func(schedule *jobs.Schedule, _ time.Time) error {
			schedule.PausedAt = at
			return nil
		}))
	}
	waits := func(what string) {
		t.Helper()
		_, some, err := b.NextTick(t.Context())
		if done := b.tick(once); err != nil || some || done != 0 || b.tasks() != 0 {
			t.Errorf("%s: %d were due, and a next one is: %v, %v", what, done, some, err)
		}
	}
	now := time.Now()
	pause(&now)
	waits("paused")
	pause(nil)
	b.ok(b.Maintain(t.Context(), true, ""))
	waits("in a maintenance")
	b.ok(b.Maintain(t.Context(), false, ""))
	if done := b.tick(once); done != 1 || b.tasks() != 1 {
		t.Errorf("after it: %d were due", done)
	}
}

func TestTickRemembersTheLastTime(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.ok(b.CreateSchedule(t.Context(), b.timetable("s")))
	at := b.read("s").NextAt
	step := func(tick jobs.Tick) jobs.Schedule {
		t.Helper()
		b.tick(func(due jobs.DueSchedule) jobs.Tick {
			tick.NextAt = due.NextAt
			return tick
		})
		return b.read("s")
	}
	if got := step(jobs.Tick{}); got.LastAt != nil || got.LastTaskID != uuid.Nil || got.LastError != "" {
		t.Errorf("skipped: %+v", got)
	}
	sub := submission()
	if got := step(jobs.Tick{At: &at, Submission: &sub}); !got.LastAt.Equal(at) || got.LastTaskID != sub.ID {
		t.Errorf("made a task: %+v", got)
	}
	if got := step(jobs.Tick{}); !got.LastAt.Equal(at) || got.LastTaskID != sub.ID {
		t.Errorf("skipped then: %+v", got)
	}
	later := at.Add(time.Minute)
	if got := step(jobs.Tick{At: &later, Error: "there is no kind"}); !got.LastAt.Equal(later) || got.LastTaskID != uuid.Nil || got.LastError != "there is no kind" {
		t.Errorf("failed: %+v", got)
	}
	sub = submission()
	if got := step(jobs.Tick{At: &later, Submission: &sub}); got.LastTaskID != sub.ID || got.LastError != "" {
		t.Errorf("went well again: %+v", got)
	}
}

// A kind that is retired is none, and a new revision is the one that counts.
func TestTickSeesTheKindAsItIs(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.ok(b.CreateSchedule(t.Context(), b.timetable("s")))
	look := func() (target *jobs.KindStatus) {
		t.Helper()
		b.tick(func(due jobs.DueSchedule) jobs.Tick {
			target = due.Target
			return jobs.Tick{NextAt: due.NextAt}
		})
		return target
	}
	first := look()
	b.ok(b.SyncKinds(t.Context(), []jobs.Kind{{Name: "work", Command: []string{"false"}, Pool: "default"}}))
	if second := look(); first == nil || second == nil || first.Revision == second.Revision || second.Command[0] != "false" {
		t.Errorf("first %+v, then %+v", first, second)
	}
	b.ok(b.SyncKinds(t.Context(), nil))
	if gone := look(); gone != nil {
		t.Errorf("a retired kind is %+v", gone)
	}
}

// Who dies between the task and the commit leaves nothing, and who comes then makes one.
func TestTickIsOneTransaction(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.ok(b.CreateSchedule(t.Context(), b.timetable("s")))
	_, err := b.Pool().Exec(t.Context(), `CREATE SEQUENCE public.commits;
		CREATE FUNCTION public.die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			IF nextval('public.commits') = 1 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;
			RETURN NULL;
		END $$;
		CREATE CONSTRAINT TRIGGER die AFTER UPDATE ON freshet.schedules DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.die()`)
	b.ok(err)
	before := b.read("s")
	if _, err := b.Tick(t.Context(), 10, once); err == nil {
		t.Fatal("it survived")
	}
	if after := b.read("s"); b.tasks() != 0 || !after.NextAt.Equal(before.NextAt) || after.LastAt != nil {
		t.Errorf("a dead one left %d tasks and %+v", b.tasks(), after)
	}
	late := time.After(time.Minute)
	for look := time.Tick(10 * time.Millisecond); b.tick(once) == 0; { // the dead one's locks go a little later
		select {
		case <-look:
		case <-late:
			t.Fatal("it is due no more")
		}
	}
	if b.tasks() != 1 || b.tick(once) != 0 {
		t.Errorf("the next one left %d tasks", b.tasks())
	}
}

// While one has a schedule the others pass it by, and do not find it due afterwards.
func TestTickSkipsWhatAnotherHas(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.ok(b.CreateSchedule(t.Context(), b.timetable("first")))
	b.ok(b.CreateSchedule(t.Context(), b.timetable("second")))
	inside, leave := make(chan struct{}), make(chan struct{})
	done := make(chan int)
	go func() {
		n, err := b.Tick(t.Context(), 1, func(due jobs.DueSchedule) jobs.Tick {
			close(inside)
			<-leave
			return once(due)
		})
		if err != nil {
			t.Error(err)
		}
		done <- n
	}()
	<-inside
	var names []string
	for range 2 {
		b.tick(func(due jobs.DueSchedule) jobs.Tick {
			names = append(names, due.Name)
			return once(due)
		})
	}
	close(leave)
	if n := <-done; n != 1 || fmt.Sprint(names) != "[second]" || b.tasks() != 2 || b.tick(once) != 0 {
		t.Errorf("one had %d, the other %v; %d tasks", n, names, b.tasks())
	}
}

func TestSyncSchedules(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	sync := func(schedules ...jobs.Schedule) string {
		t.Helper()
		taken, err := b.SyncSchedules(t.Context(), schedules)
		b.ok(err)
		return strings.Join(taken, " ")
	}
	b.ok(b.CreateSchedule(t.Context(), b.timetable("api")))
	one, two := b.timetable("one"), b.timetable("two")
	if taken := sync(one, two, b.timetable("api")); taken != "api" {
		t.Errorf("taken: %q", taken)
	}
	if got := b.read("api"); got.Source != jobs.FromAPI {
		t.Errorf("the API's is %+v", got)
	}
	if got := b.read("one"); got.Source != jobs.FromFile || !got.NextAt.Equal(one.NextAt) || got.Tags[1] != `"` {
		t.Errorf("the file's is %+v", got)
	}
	paused := time.Now().Truncate(time.Microsecond)
	b.ok(b.ChangeSchedule(t.Context(), "one", func(schedule *jobs.Schedule, _ time.Time) error {
		schedule.PausedAt = &paused
		return nil
	}))
	before := b.read("one")
	first := one.NextAt
	one.NextAt = first.Add(time.Hour)
	sync(one, two) // nothing new
	if got := b.read("one"); !got.NextAt.Equal(first) || !got.UpdatedAt.Equal(before.UpdatedAt) || got.PausedAt == nil {
		t.Errorf("unchanged: %+v", got)
	}
	one.Input = json.RawMessage(`{"n": 2}`)
	sync(one, two) // the same times
	if got := b.read("one"); !got.NextAt.Equal(first) || string(got.Input) != `{"n": 2}` || !got.PausedAt.Equal(paused) {
		t.Errorf("another input: %+v", got)
	}
	one.Timezone = "Asia/Tokyo"
	sync(one)
	if got := b.read("one"); !got.NextAt.Equal(one.NextAt) {
		t.Errorf("other times: %+v", got)
	}
	all, err := b.Schedules(t.Context(), "")
	b.ok(err)
	if len(all) != 2 || all[0].Name != "api" || all[1].Name != "one" {
		t.Errorf("left: %+v", all)
	}
	sync()
	if all, err = b.Schedules(t.Context(), "ada"); err != nil || len(all) != 1 || all[0].Name != "api" {
		t.Errorf("left: %+v, %v", all, err)
	}
	if none, err := b.Schedules(t.Context(), "bob"); err != nil || len(none) != 0 {
		t.Errorf("bob's: %+v, %v", none, err)
	}
}
