package postgres_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"freshet/jobs"
	"freshet/jobs/postgres"
	"freshet/jobs/postgres/postgrestest"
)

// unwalled are the tables with owners that have no policy: they tell who somebody is, which is asked
// before there is anybody to see them as. And the audit log, which is for admins alone.
func unwalled() []string { return []string{"api_keys", "audit_log", "login_links", "sessions"} }

// estate is one of everything that an owner can have.
type estate struct {
	owner    string
	task     uuid.UUID
	endpoint uuid.UUID
	delivery uuid.UUID
	artifact int64
	schedule string
}

// estate makes it by the whole life of two tasks: one of today, and one that is in no day's partition.
func (b *bench) estate(owner string) estate {
	b.t.Helper()
	ctx := b.t.Context()
	e := estate{owner: owner, endpoint: uuid.Must(uuid.NewV7()), schedule: "of-" + owner}
	b.ok(b.CreateEndpoint(ctx, jobs.Endpoint{
		ID: e.endpoint, Owner: owner, URL: "https://hooks.example.com/", Events: jobs.Ends(), Kinds: []string{}, Enabled: true,
		Signing: jobs.Signing{Secrets: []byte{1}},
	}, 10))
	made := b.timetable(e.schedule)
	made.Owner, made.NextAt = owner, made.NextAt.Add(time.Hour)
	b.ok(b.CreateSchedule(ctx, made))
	for _, stray := range []bool{true, false} {
		e.task = b.submit(func(s *jobs.Submission) {
			s.Owner, s.Idempotency = owner, &jobs.Idempotency{Key: fmt.Sprint(stray), Scope: jobs.Retained}
			if stray {
				s.ID[0]-- // from decades ago
			}
		})
		claim := b.claim(e.task, b.worker("work"))
		_, err := b.Flush(ctx, jobs.Flush{Fence: claim.Fence, To: 1, Records: []jobs.Record{{At: time.Now(), Stream: jobs.Stdout, Bytes: []byte("said\n")}}})
		b.ok(err)
		b.ok(b.SaveArtifact(ctx, claim.Fence, "a.txt", "text/plain", slicesReader("left")))
		b.ok(b.End(ctx, completed(claim, `{"secret": true}`)))
	}
	files, err := b.Artifacts(ctx, e.task)
	b.ok(err)
	e.artifact = files[0].ID
	for _, sending := range b.due(10) {
		b.ok(b.Sent(ctx, jobs.Sent{Delivery: sending.ID, Number: sending.Tries, Try: jobs.DeliveryTry{At: time.Now(), Status: 200}, OK: true, Body: []byte("{}")}))
		e.delivery = sending.ID
	}
	_, err = b.Pool().Exec(ctx, `INSERT INTO freshet.turns (kind, owner, at) VALUES ('work', $1, now())`, owner)
	b.ok(err)
	return e
}

func (b *bench) due(limit int) []jobs.Sending {
	b.t.Helper()
	sendings, err := b.TakeDeliveries(b.t.Context(), limit, limit, time.Minute)
	b.ok(err)
	return sendings
}

// walls lists the tables that have policies.
func (b *bench) walls() []string {
	b.t.Helper()
	return b.texts(`SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'freshet'::regnamespace AND c.relrowsecurity
		AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid) ORDER BY c.relname`)
}

func (b *bench) texts(query string, args ...any) []string {
	b.t.Helper()
	rows, err := b.Pool().Query(b.t.Context(), query, args...)
	b.ok(err)
	texts, err := pgx.CollectRows(rows, pgx.RowTo[string])
	b.ok(err)
	return texts
}

// as does something in a transaction that names an owner, and takes it back.
func (b *bench) as(owner string, do func(pgx.Tx) error) error {
	b.t.Helper()
	tx, err := b.Pool().Begin(b.t.Context())
	b.ok(err)
	defer func() { b.ok(tx.Rollback(b.t.Context())) }()
	_, err = tx.Exec(b.t.Context(), `SELECT set_config('freshet.owner', $1, true)`, owner)
	b.ok(err)
	return do(tx)
}

// touched is how many rows a statement touches for an owner.
func (b *bench) touched(owner, statement string) (n int64) {
	b.t.Helper()
	b.ok(b.as(owner, func(tx pgx.Tx) error {
		tag, err := tx.Exec(b.t.Context(), statement)
		n = tag.RowsAffected()
		return err
	}))
	return n
}

// A whole life works for a role that owns nothing, and what it did is all there for who owns the tables.
func TestAnotherRoleDoesAllOfTheWork(t *testing.T) {
	t.Parallel()
	url := postgrestest.New(t)
	b, owner := benchAt(t, postgrestest.Granted(t, url)), benchAt(t, url)
	e := b.estate("ada")
	if !b.Narrows(postgres.As(t.Context(), "ada")) || owner.Narrows(postgres.As(t.Context(), "ada")) || b.Narrows(t.Context()) {
		t.Error("it is not known who is behind the wall")
	}
	if task := owner.task(e.task); task.State != jobs.Completed || string(task.Output) != `{"secret": true}` {
		t.Errorf("the task is %+v", task)
	}
	tasks, entries, err := b.Entries(t.Context(), []uuid.UUID{e.task}, []int64{0}, []bool{true}, 100)
	b.ok(err)
	if len(tasks) != 1 || int64(len(entries[e.task])) != tasks[0].Seq {
		t.Errorf("%d entries of %+v", len(entries[e.task]), tasks)
	}
	b.ok(b.ChangeSchedule(t.Context(), e.schedule, func(s *jobs.Schedule, now time.Time) error { s.NextAt = now; return nil }))
	if done := b.tick(once); done != 1 || b.read(e.schedule).LastTaskID == uuid.Nil {
		t.Errorf("%d schedules were due: %+v", done, b.read(e.schedule))
	}
	b.ok(b.Cancel(t.Context(), b.submit()))
	b.ok(b.Remove(t.Context(), e.task))
	old := b.aged(40)
	before := b.count(`SELECT count(*) FROM pg_inherits WHERE inhparent = 'freshet.task_events'::regclass`)
	if removed, err := b.RemoveOld(t.Context(), 30*day, 100); err != nil || removed != 1 {
		t.Errorf("removed %d tasks: %v", removed, err)
	}
	if dropped, err := b.DropDays(t.Context()); err != nil || dropped != 2 || owner.rows("task_events", old) != 0 {
		t.Errorf("dropped %d days: %v", dropped, err)
	}
	if after := b.count(`SELECT count(*) FROM pg_inherits WHERE inhparent = 'freshet.task_events'::regclass`); after != before-1 {
		t.Errorf("%d partitions, then %d", before, after)
	}
	owner.dense(t.Context())
}

// Each table by itself: in a transaction of ada's nothing of bob's is seen, changed, removed or added.
func TestTheWallHolds(t *testing.T) {
	t.Parallel()
	url := postgrestest.New(t)
	b, above := benchAt(t, postgrestest.Granted(t, url)), newStranger(t, url)
	b.estate("ada")
	b.estate("bob")
	for _, table := range b.walls() {
		name := "freshet." + table
		all := int64(b.count("SELECT count(*) FROM " + name))
		ada, bob := b.touched("ada", "SELECT FROM "+name), b.touched("bob", "SELECT FROM "+name)
		if ada == 0 || bob == 0 || ada+bob != all {
			t.Errorf("%s: ada sees %d rows, bob %d, of %d", table, ada, bob, all)
		}
		column := b.texts(`SELECT quote_ident(attname) FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0
			AND attidentity = '' ORDER BY attnum LIMIT 1`, name)[0]
		if n := b.touched("ada", "UPDATE "+name+" SET "+column+" = "+column); n != ada {
			t.Errorf("%s: ada changes %d rows, and has %d", table, n, ada)
		}
		if n := b.touched("ada", "DELETE FROM "+name); n != ada {
			t.Errorf("%s: ada removes %d rows, and has %d", table, n, ada)
		}
		if n := above.count("SELECT count(*) FROM " + name); n != 0 {
			t.Errorf("%s: a role without a grant of the work sees %d rows", table, n)
		}
		b.refusesAnothers(name)
	}
}

// refusesAnothers tries to add a row of bob's, as he sees it, for ada, and to give him one of hers.
func (b *bench) refusesAnothers(table string) {
	b.t.Helper()
	var row string
	b.ok(b.as("bob", func(tx pgx.Tx) error {
		return tx.QueryRow(b.t.Context(), `SELECT to_jsonb(x)::text FROM `+table+` x LIMIT 1`).Scan(&row)
	}))
	b.walledOff(table, b.as("ada", func(tx pgx.Tx) error {
		_, err := tx.Exec(b.t.Context(), `INSERT INTO `+table+` OVERRIDING SYSTEM VALUE SELECT * FROM jsonb_populate_record(NULL::`+table+`, $1::text::jsonb)`, row)
		return err
	}))
	if strings.Contains(row, `"owner"`) {
		b.walledOff(table, b.as("ada", func(tx pgx.Tx) error {
			_, err := tx.Exec(b.t.Context(), `UPDATE `+table+` SET owner = 'bob'`)
			return err
		}))
	}
}

func (b *bench) walledOff(what string, err error) {
	b.t.Helper()
	var refusal *pgconn.PgError
	if !errors.As(err, &refusal) || refusal.Code != "42501" || !strings.Contains(refusal.Message, "row-level security") {
		b.t.Errorf("%s: not refused by a policy: %v", what, err)
	}
}

// newStranger is a role that may read the tables, and was not granted the work.
func newStranger(t *testing.T, url string) *bench {
	t.Helper()
	address := postgrestest.Role(t, url)
	config, err := pgx.ParseConfig(address)
	if err != nil {
		t.Fatal(err)
	}
	admin, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(t.Context())
	_, err = admin.Exec(t.Context(), `GRANT USAGE ON SCHEMA freshet TO `+config.User+`; GRANT SELECT ON ALL TABLES IN SCHEMA freshet TO `+config.User)
	if err != nil {
		t.Fatal(err)
	}
	store, err := postgres.Open(t.Context(), postgres.Options{URL: address, MaxConnections: 2, Name: t.Name(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	return &bench{Store: store, t: t, url: address}
}

// A new table whose rows belong to somebody fails this until somebody has decided what is right for it.
func TestEveryTableWithAnOwnerHasAWall(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	bare := b.texts(`SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'freshet'::regnamespace AND c.relkind IN ('r', 'p')
		AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND NOT a.attisdropped
			AND a.attname IN ('owner', 'task_id', 'artifact_id', 'delivery_id', 'endpoint_id'))
		AND NOT (c.relrowsecurity AND (c.relispartition OR EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid))) ORDER BY c.relname`)
	if !slices.Equal(bare, unwalled()) {
		t.Errorf("without a policy: %v, want %v", bare, unwalled())
	}
}

// A day's own table lets in neither ada nor who may do everything.
func TestADayIsReachedThroughItsParent(t *testing.T) {
	t.Parallel()
	b := benchAt(t, postgrestest.Granted(t, postgrestest.New(t)))
	b.estate("ada")
	today := time.Now().UTC().Format("20060102")
	for _, table := range []string{"task_events", "task_logs"} {
		if n := b.count(`SELECT count(*) FROM freshet.` + table + `_` + today); n != 0 || b.count(`SELECT count(*) FROM freshet.`+table) == 0 {
			t.Errorf("%d rows of a day's %s", n, table)
		}
	}
	if err := b.as("ada", func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), `SELECT freshet.drop_day('task_logs', current_date)`)
		return err
	}); err == nil {
		t.Error("ada dropped a day that is bob's too")
	}
	for _, statement := range []string{`freshet.drop_day('tasks', current_date)`, `freshet.make_day('tasks; --', current_date)`} {
		if _, err := b.Pool().Exec(t.Context(), `SELECT `+statement); err == nil {
			t.Errorf("%s is done", statement)
		}
	}
}

// views are what the Store shows of an estate, by the methods that the API reads with. Each tells whether
// there was something.
func views(s *postgres.Store, e estate) map[string]func(context.Context) bool {
	some := func(n int, err error) bool { return err == nil && n > 0 }
	return map[string]func(context.Context) bool{
		"Task": func(ctx context.Context) bool { _, err := s.Task(ctx, e.task); return err == nil },
		"Head": func(ctx context.Context) bool { _, err := s.Head(ctx, e.task); return err == nil },
		"Tasks": func(ctx context.Context) bool {
			x, err := s.Tasks(ctx, jobs.TaskFilter{Owner: e.owner}, uuid.Nil, 9)
			return some(len(x), err)
		},
		"Events": func(ctx context.Context) bool { x, err := s.Events(ctx, e.task, 0, 9); return some(len(x), err) },
		"Logs": func(ctx context.Context) bool {
			x, err := s.Logs(ctx, e.task, jobs.LogFilter{Limit: 9})
			return some(len(x), err)
		},
		"last logs": func(ctx context.Context) bool {
			x, err := s.Logs(ctx, e.task, jobs.LogFilter{Tail: 1, Limit: 9})
			return some(len(x), err)
		},
		"Attempts":  func(ctx context.Context) bool { x, err := s.Attempts(ctx, e.task); return some(len(x), err) },
		"Artifacts": func(ctx context.Context) bool { x, err := s.Artifacts(ctx, e.task); return some(len(x), err) },
		"Artifact":  func(ctx context.Context) bool { _, err := s.Artifact(ctx, e.artifact); return err == nil },
		"WriteArtifact": func(ctx context.Context) bool {
			var content bytes.Buffer
			err := s.WriteArtifact(ctx, e.artifact, &content)
			return some(content.Len(), err)
		},
		"Entries": func(ctx context.Context) bool {
			tasks, entries, err := s.Entries(ctx, []uuid.UUID{e.task}, []int64{0}, []bool{true}, 9)
			return some(len(tasks)+len(entries), err)
		},
		"Heads": func(ctx context.Context) bool {
			tasks, events, err := s.Heads(ctx, []uuid.UUID{e.task}, []int64{1})
			return some(len(tasks)+len(events), err)
		},
		"Endpoint":  func(ctx context.Context) bool { _, err := s.Endpoint(ctx, e.endpoint); return err == nil },
		"Endpoints": func(ctx context.Context) bool { x, err := s.Endpoints(ctx, e.owner); return some(len(x), err) },
		"Delivery":  func(ctx context.Context) bool { _, _, err := s.Delivery(ctx, e.delivery); return err == nil },
		"Deliveries": func(ctx context.Context) bool {
			x, err := s.Deliveries(ctx, jobs.DeliveryFilter{Owner: e.owner}, uuid.Nil, 9)
			return some(len(x), err)
		},
		"Schedule":  func(ctx context.Context) bool { _, err := s.Schedule(ctx, e.schedule); return err == nil },
		"Schedules": func(ctx context.Context) bool { x, err := s.Schedules(ctx, e.owner); return some(len(x), err) },
	}
}

// The API's check is left out: the Store is asked for ada's things as the API would ask it for bob. The wall
// holds where there is one; without As, or without a wall, bob would have them.
func TestTheWallHoldsWithoutTheCheck(t *testing.T) {
	t.Parallel()
	url := postgrestest.New(t)
	b, owner := benchAt(t, postgrestest.Granted(t, url)), benchAt(t, url)
	e := b.estate("ada")
	one, err := postgres.Open(t.Context(), postgres.Options{ // its one connection would remember
		URL: b.url, Pooled: true, MaxConnections: 1, Name: t.Name(), Logger: slog.New(slog.DiscardHandler),
	})
	b.ok(err)
	t.Cleanup(one.Close)
	ada, bob, none := postgres.As(t.Context(), "ada"), postgres.As(t.Context(), "bob"), postgres.As(t.Context(), "")
	for name, shows := range views(one, e) {
		if shows(bob) || shows(none) {
			t.Errorf("%s shows bob what is ada's", name)
		}
		if !shows(ada) || !shows(t.Context()) || !shows(postgres.AsEverybody(bob)) {
			t.Errorf("%s does not show ada, or Freshet, what is ada's", name)
		}
	}
	for name, shows := range views(owner.Store, e) {
		if !shows(bob) {
			t.Errorf("%s holds without a wall: this shows nothing", name)
		}
	}
	var named string
	b.ok(one.Pool().QueryRow(t.Context(), `SELECT coalesce(current_setting('freshet.owner', true), '')`).Scan(&named))
	if named != "" {
		t.Errorf("the session remembers %q", named)
	}
}

// Why a task waits may be what others' tasks do, of which the wall tells no more than that.
func TestWhyATaskWaitsIsTrueBehindTheWall(t *testing.T) {
	t.Parallel()
	b := benchAt(t, postgrestest.Granted(t, postgrestest.New(t)))
	b.limit(1, 0)
	b.admit(b.of("ada", 1)...)
	waiting := b.of("bob", 1)[0]
	task, err := b.Head(postgres.As(t.Context(), "bob"), waiting)
	b.ok(err)
	if task.Wait == nil || task.Wait.Reason != jobs.WaitKind {
		t.Errorf("it waits for %+v", task.Wait)
	}
}

// Who owns the tables pays nothing: no plan has a word of the policies, which are in each plan of another's.
func TestTheOwnersPlansHaveNoWall(t *testing.T) {
	t.Parallel()
	url := postgrestest.New(t)
	b, owner := benchAt(t, postgrestest.Granted(t, url)), benchAt(t, url)
	for _, table := range b.walls() {
		for _, statement := range []string{"SELECT * FROM freshet." + table, "DELETE FROM freshet." + table} {
			plan := strings.Join(owner.texts("EXPLAIN (VERBOSE) "+statement), "\n")
			walled := strings.Join(b.texts("EXPLAIN (VERBOSE) "+statement), "\n")
			if strings.Contains(plan, "Filter") || strings.Contains(plan, "InitPlan") || !strings.Contains(walled, "InitPlan") || !strings.Contains(walled, "Filter") {
				t.Errorf("%s\nas the owner:\n%s\nas another:\n%s", statement, plan, walled)
			}
		}
	}
}
