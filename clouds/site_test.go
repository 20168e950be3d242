package clouds_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"freshet/config"
	"freshet/jobs"
	"freshet/jobs/control"
	"freshet/jobs/fleet"
	"freshet/jobs/postgres"
	"freshet/jobs/postgres/postgrestest"
)

// site is one Freshet: its database, its control planes, and where its workers run.
type site struct {
	*host

	t         *testing.T
	url       string
	store     *postgres.Store
	settings  *config.Config
	providers map[string]func() fleet.Provider // of each pool, one for each replica
	replicas  []*replica
	parts     sync.WaitGroup
	stop      context.CancelFunc
	ctx       context.Context //nolint:containedctx // of what runs
}

// replica is what an API replica does in the background, as far as workers go.
type replica struct {
	reconciler *control.Reconciler
	providers  map[string]fleet.Provider
}

// newSite makes a Freshet of these settings, nothing of which runs.
func newSite(t *testing.T, settings string) *site {
	t.Helper()
	folder := t.TempDir()
	path := filepath.Join(folder, "freshet.yaml")
	if err := os.WriteFile(path, []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, url: postgrestest.New(t), providers: map[string]func() fleet.Provider{}}
	s.host = newHost(t, folder, s.url)
	var err error
	s.settings, err = config.Load(path)
	s.ok(err)
	s.store = s.open(12)
	s.ok(s.store.EnsurePartitions(t.Context(), time.Now(), 1))
	s.ok(s.store.SyncKinds(t.Context(), s.settings.Kinds))
	s.ctx, s.stop = context.WithCancel(context.Background())
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(s.ledger())
			t.Log(s.logs())
		}
	})
	return s
}

func (s *site) open(connections int32) *postgres.Store {
	s.t.Helper()
	store, err := postgres.Open(s.t.Context(), postgres.Options{URL: s.url, MaxConnections: connections, Logger: slog.New(slog.DiscardHandler)})
	s.ok(err)
	s.t.Cleanup(store.Close)
	return store
}

// halt ends the replicas, and all else that runs beside the test.
func (s *site) halt() {
	s.stop()
	s.parts.Wait()
}

// deploy makes a generation the one of all pools.
func (s *site) deploy(generation string) {
	s.t.Helper()
	var pools []jobs.Pool
	for _, pool := range s.settings.Pools {
		made := jobs.Pool{Name: pool.Name, Provider: pool.Provider, Slots: pool.Slots}
		if s.providers[pool.Name] != nil {
			made.Fleet = &jobs.PoolFleet{Min: pool.Min, Max: pool.Max, Generation: generation}
		}
		pools = append(pools, made)
	}
	s.ok(s.store.SyncPools(s.t.Context(), pools))
}

// control starts replicas of the control plane.
func (s *site) control(replicas int) {
	s.t.Helper()
	s.deploy("one")
	for range replicas {
		store := s.open(8)
		s.t.Cleanup(s.halt)
		logger := slog.New(slog.NewTextHandler(s.t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})).With("replica", len(s.replicas))
		r := &replica{reconciler: control.NewReconciler(store, nil, logger), providers: map[string]fleet.Provider{}}
		r.reconciler.Sweep = time.Second
		for pool, provider := range s.providers {
			r.providers[pool] = provider()
		}
		r.reconciler.Provide(r.providers)
		controller, reaper := control.New(store, logger), control.NewReaper(store, nil, logger)
		all := func() { controller.Wake(); reaper.Wake(); r.reconciler.Wake("") }
		listener, err := store.Listener(s.url, postgres.Hints{Control: all, Queue: r.reconciler.Wake, All: all})
		s.ok(err)
		for _, run := range []func(context.Context) error{controller.Run, reaper.Run, r.reconciler.Run, listener.Run} {
			s.parts.Go(func() { _ = run(s.ctx) })
		}
		s.replicas = append(s.replicas, r)
	}
}

// audit has all replicas compare the ledger with their providers now, which they do once a minute.
func (s *site) audit() {
	for _, r := range s.replicas {
		r.reconciler.Provide(r.providers)
	}
}

// submit makes a task of a kind. What it is to do stands in its input.
func (s *site) submit(kind string, input any) uuid.UUID {
	s.t.Helper()
	at := slices.IndexFunc(s.settings.Kinds, func(k jobs.Kind) bool { return k.Name == kind })
	if at < 0 {
		s.t.Fatalf("there is no kind %s", kind)
	}
	hash, err := s.settings.Kinds[at].Hash()
	s.ok(err)
	text, err := json.Marshal(input)
	s.ok(err)
	answer, err := s.store.Submit(s.t.Context(), jobs.Submission{
		ID: uuid.Must(uuid.NewV7()), Owner: "ada", Kind: kind, KindHash: hash, Pool: s.settings.Kinds[at].Pool, MaxTries: 3,
		Priority: jobs.Normal, Input: text,
	})
	s.ok(err)
	return answer.ID
}

func (s *site) ok(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// until repeats a look until it is satisfied.
func (s *site) until(what string, look func() bool) {
	s.t.Helper()
	deadline, tick := time.NewTimer(patience), time.NewTicker(10*time.Millisecond)
	defer deadline.Stop()
	defer tick.Stop()
	for !look() {
		select {
		case <-tick.C:
		case <-deadline.C:
			s.t.Fatalf("waited in vain until %s", what)
		}
	}
}

// number answers a question with a number.
func (s *site) number(question string, args ...any) (n int) {
	s.t.Helper()
	s.ok(s.store.Pool().QueryRow(s.t.Context(), question, args...).Scan(&n))
	return n
}

// exec does what no method does: it moves times.
func (s *site) exec(sql string, args ...any) {
	s.t.Helper()
	_, err := s.store.Pool().Exec(s.t.Context(), sql, args...)
	s.ok(err)
}

// completed waits until all tasks are.
func (s *site) completed() {
	s.t.Helper()
	s.until("all tasks have ended", func() bool {
		return s.number(`SELECT count(*) FROM freshet.tasks WHERE state NOT IN ('completed', 'failed', 'cancelled', 'expired')`) == 0
	})
	if n := s.number(`SELECT count(*) FROM freshet.tasks WHERE state <> 'completed'`); n > 0 {
		s.t.Errorf("%d tasks are not completed", n)
	}
}

// list is what a provider says.
func (s *site) list(provider fleet.Provider) []fleet.Unit {
	s.t.Helper()
	units, err := provider.List(s.t.Context())
	s.ok(err)
	return units
}

// zero waits until no worker of any pool is left, by the processes, by their providers and by the ledger.
func (s *site) zero() {
	s.t.Helper()
	s.until("no worker is left", func() bool {
		for pool, provider := range s.replicas[0].providers {
			if s.runs(pool) > 0 || slices.ContainsFunc(s.list(provider), func(u fleet.Unit) bool { return u.State.Alive() }) {
				return false
			}
		}
		return s.number(`SELECT count(*) FROM freshet.fleet_units WHERE state <> 'ended'`) == 0
	})
}

// row is a unit of the ledger.
type row struct{ pool, unit, state string }

// rows are all units of the ledger, also those that have ended, by intent.
func (s *site) rows() map[string]row {
	s.t.Helper()
	all, err := s.store.Pool().Query(s.t.Context(), `SELECT intent::text, pool, coalesce(unit, ''), state FROM freshet.fleet_units`)
	s.ok(err)
	defer all.Close()
	found := map[string]row{}
	for all.Next() {
		var intent string
		var r row
		s.ok(all.Scan(&intent, &r.pool, &r.unit, &r.state))
		found[intent] = r
	}
	s.ok(all.Err())
	return found
}

// agree looks at what is promised, when all is done: see the package's doc.
func (s *site) agree() {
	s.t.Helper()
	s.completed()
	s.zero()
	for _, excess := range s.excesses() {
		s.t.Error(excess)
	}
	rows := s.rows()
	for intent, units := range s.units() {
		switch row, known := rows[intent]; {
		case len(units) > 1:
			s.t.Errorf("order %s had the units %v", intent, units)
		case !known:
			s.t.Errorf("unit %s ran for %s, which is not in the ledger", units[0], intent)
		case row.unit != units[0]:
			s.t.Errorf("unit %s ran for %s, for which the ledger has %q", units[0], intent, row.unit)
		}
	}
	for pool, provider := range s.replicas[0].providers {
		for _, unit := range s.list(provider) {
			row, known := rows[unit.Intent.String()]
			named := row.unit == unit.ID || row.unit == "" && len(s.units()[unit.Intent.String()]) == 0 // its name was never known
			if !known || row.pool != pool || !named {
				s.t.Errorf("pool %s has %+v, of which the ledger says %+v", pool, unit, row)
			}
		}
	}
}

// excesses are what there was too much of at any time: workers of a pool, or units of an order.
func (s *site) excesses() (found []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, pool := range s.settings.Pools {
		if s.most[pool.Name] > pool.Max {
			found = append(found, fmt.Sprintf("pool %s had %d workers, and may have %d", pool.Name, s.most[pool.Name], pool.Max))
		}
	}
	for _, intent := range s.doubles {
		found = append(found, fmt.Sprintf("order %s ran twice at once", intent))
	}
	return found
}

// ledger describes the ledger and the tasks, for messages.
func (s *site) ledger() string {
	var text string
	err := s.store.Pool().QueryRow(context.WithoutCancel(s.t.Context()), `SELECT coalesce(string_agg(x, chr(10)), 'the ledger is empty') FROM (
		(SELECT concat_ws(' ', pool, intent, unit, generation, state, created_at, seen_at, ended_at, failed, reason) AS x FROM freshet.fleet_units ORDER BY created_at)
		UNION ALL SELECT concat_ws(' ', 'worker', pool, unit, id, started_at, lease_until, died_at) FROM freshet.workers
		UNION ALL SELECT concat_ws(' ', 'tasks of', pool, state, count(*)) FROM freshet.attempts GROUP BY pool, state) all_of_it`).Scan(&text)
	if err != nil {
		return fmt.Sprint(err)
	}
	return text
}
