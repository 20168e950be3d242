package clouds_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"

	"freshet/jobs/fleet"
	"freshet/jobs/fleet/fly/flyfake"
)

// long is longer than anything that runs for nobody is left alone.
const long = 2 * time.Minute

// unit is what the provider says of one, as a replica sees it that knows of nothing yet.
func (s *site) unit(id string) fleet.Unit {
	s.t.Helper()
	for _, unit := range s.list(s.providers["cloud"]()) {
		if unit.ID == id {
			return unit
		}
	}
	return fleet.Unit{}
}

// stops waits until the provider says that a unit does not run.
func (s *site) stops(id string) {
	s.t.Helper()
	s.until("unit "+id+" is stopped", func() bool { return !s.unit(id).State.Alive() })
}

// stray starts a unit that the ledger knows nothing of, as after a database was put back.
func (s *site) stray() string {
	s.t.Helper()
	id, err := s.providers["cloud"]().Start(s.t.Context(), fleet.Order{Intent: uuid.New(), Generation: "one"})
	s.ok(err)
	return id
}

// late ends the time that units have to boot.
func (s *site) late() {
	s.t.Helper()
	s.exec(`UPDATE freshet.fleet_units SET boot_until = ordered_at + interval '1 millisecond' WHERE state = 'starting'`)
}

// waitsFor waits until a number of units has come so far.
func (s *site) waitsFor(units int, state string) {
	s.t.Helper()
	s.until("units are "+state, func() bool {
		return s.number(`SELECT count(*) FROM freshet.fleet_units WHERE state = $1`, state) == units
	})
}

func TestFlyStandInUnitsThatNeverComeUp(t *testing.T) {
	t.Parallel()
	s := newSite(t, settings(flyPool, 2, 1, "100ms"))
	cloud := s.onFly("cloud")
	s.control(2)
	cloud.Boot(time.Hour)
	s.submit("work", seconds("0"))
	s.waitsFor(1, "starting")
	s.late()
	cloud.Boot(0)
	s.agree()
	if n := s.number(`SELECT count(*) FROM freshet.fleet_units WHERE failed AND reason = 'no worker came up in time'`); n != 1 {
		t.Errorf("%d units are said not to have come up", n)
	}
}

// TestFlyStandInRefusesToStopWhatNeverCameUp once: as long as it may run it counts, and no other is started beside it.
func TestFlyStandInRefusesToStopWhatNeverCameUp(t *testing.T) {
	t.Parallel()
	s := newSite(t, settings(flyPool, 2, 1, "100ms"))
	cloud := s.onFly("cloud")
	s.control(2)
	cloud.Boot(time.Hour)
	cloud.Misbehave(flyfake.Fault{Action: flyfake.Stop, Times: 1, Status: http.StatusForbidden})
	s.submit("work", seconds("0"))
	s.waitsFor(1, "starting")
	s.late()
	s.until("it is to be stopped", func() bool { return cloud.Requests(flyfake.Stop) == 1 })
	cloud.Boot(0)
	s.exec(`UPDATE freshet.fleet_units SET ordered_at = ordered_at - interval '61 seconds' WHERE state = 'starting'`) // a minute passes
	s.agree()
	if machines := cloud.Machines(); len(machines) != 1 {
		t.Errorf("another was started beside it: %+v", machines)
	}
}

func TestCloudRunStandInUnitsThatNeverComeUp(t *testing.T) {
	t.Parallel()
	s := newSite(t, settings(runPool, 2, 1, "100ms"))
	cloud := s.onCloudRun("cloud")
	s.control(2)
	release := cloud.HoldBoots()
	s.submit("work", seconds("0"))
	s.waitsFor(1, "starting")
	s.late()
	s.waitsFor(1, "ended")
	release()
	s.agree()
}

// TestFlyStandInMachineIsLostBeforeItsWorkerIsUp leaves a row of the ledger without a machine.
func TestFlyStandInMachineIsLostBeforeItsWorkerIsUp(t *testing.T) {
	t.Parallel()
	s := newSite(t, settings(flyPool, 2, 1, "100ms"))
	cloud := s.onFly("cloud")
	s.control(2)
	cloud.Boot(time.Hour)
	s.submit("work", seconds("0"))
	s.waitsFor(1, "starting")
	cloud.Lose(cloud.Machines()[0].ID)
	cloud.Boot(0)
	s.exec(`UPDATE freshet.fleet_units SET created_at = created_at - interval '31 seconds'`)
	s.audit()
	s.agree()
	if n := s.number(`SELECT count(*) FROM freshet.fleet_units WHERE failed AND reason = 'its provider does not run it any more'`); n != 1 {
		t.Errorf("%d units are said to be gone", n)
	}
}

// orders has the provider start a unit for a replica that died before it could note the answer. It is seconds until
// its time to boot is over.
func (s *site) orders(seconds int) (id string) {
	s.t.Helper()
	intent := uuid.New()
	id, err := s.providers["cloud"]().Start(s.t.Context(), fleet.Order{Intent: intent, Generation: "one"})
	s.ok(err)
	s.exec(`INSERT INTO freshet.fleet_units (intent, pool, provider, generation, state, created_at, ordered_at, boot_until)
		SELECT $1, 'cloud', 'cloud', 'one', 'intended', now, now, now + interval '2 minutes' + $2::int * interval '1 second'
		FROM (SELECT now() - interval '2 minutes') AS at(now)`, intent, seconds)
	return id
}

func TestFlyStandInReplicaDiesAfterItsOrder(t *testing.T) {
	t.Parallel()
	s := newSite(t, settings(flyPool, 1, 1, "1s"))
	s.onFly("cloud")
	s.diesAfterItsOrder()
}

func TestCloudRunStandInReplicaDiesAfterItsOrder(t *testing.T) {
	t.Parallel()
	s := newSite(t, settings(runPool, 1, 1, "1s"))
	s.onCloudRun("cloud")
	s.diesAfterItsOrder()
}

// diesAfterItsOrder has others give the order of a dead replica again, which starts no second unit.
func (s *site) diesAfterItsOrder() {
	s.t.Helper()
	s.deploy("one")
	s.submit("work", seconds("0"))
	s.orders(60)
	s.control(2)
	s.agree()
	if units := s.units(); len(units) != 1 {
		s.t.Errorf("units %v for one order", units)
	}
}

// TestFlyStandInReplicaDiesAndItIsTooLate to give its order again: what runs for it is found by it, and stopped.
func TestFlyStandInReplicaDiesAndItIsTooLate(t *testing.T) {
	t.Parallel()
	s := newSite(t, settings(flyPool, 1, 1, "100ms"))
	cloud := s.onFly("cloud")
	cloud.Boot(time.Hour)
	s.tooLate(func() { cloud.Boot(0) })
}

func TestCloudRunStandInReplicaDiesAndItIsTooLate(t *testing.T) {
	t.Parallel()
	s := newSite(t, settings(runPool, 1, 1, "100ms"))
	s.tooLate(s.onCloudRun("cloud").HoldBoots())
}

func (s *site) tooLate(boot func()) {
	s.t.Helper()
	s.deploy("one")
	s.submit("work", seconds("0"))
	late := s.orders(-1)
	s.control(2)
	s.waitsFor(1, "ended")
	s.stops(late)
	boot()
	s.agree()
}

// TestFlyStandInStraysAreStopped beside one whose host does not answer.
func TestFlyStandInStraysAreStopped(t *testing.T) {
	t.Parallel()
	s := newSite(t, settings(flyPool, 2, 1, "100ms"))
	cloud := s.onFly("cloud")
	cloud.Boot(time.Hour)
	for range 3 {
		s.stray()
	}
	cloud.Unreachable()
	stray := s.stray()
	s.control(2)
	s.audit()
	if state := s.unit(stray).State; state != fleet.Starting {
		t.Errorf("it is %s already", state)
	}
	cloud.Age(long)
	s.audit()
	s.stops(stray)
}

func TestCloudRunStandInStraysAreStopped(t *testing.T) {
	t.Parallel()
	s := newSite(t, settings(runPool, 2, 1, "100ms"))
	cloud := s.onCloudRun("cloud")
	release := cloud.HoldBoots()
	defer release()
	stray := s.stray()
	s.control(2)
	cloud.Age(long)
	s.audit()
	s.stops(stray)
}

func TestFlyStandInFindsWhatALedgerHasLost(t *testing.T) {
	t.Parallel()
	s := newSite(t, settings(flyPool, 1, 1, "100ms"))
	cloud := s.onFly("cloud")
	s.findsWhatALedgerHasLost(func() { cloud.Age(long) })
}

func TestCloudRunStandInFindsWhatALedgerHasLost(t *testing.T) {
	t.Parallel()
	s := newSite(t, settings(runPool, 1, 1, "100ms"))
	cloud := s.onCloudRun("cloud")
	s.findsWhatALedgerHasLost(func() { cloud.Age(long) })
}

// findsWhatALedgerHasLost takes the ledger away while a worker works: it is not stopped, and counts against max again.
func (s *site) findsWhatALedgerHasLost(age func()) {
	s.t.Helper()
	s.control(2)
	first := s.gate()
	s.submit("hold", first.input())
	works := s.running()
	s.exec(`DELETE FROM freshet.fleet_units`)
	age()
	s.audit()
	s.waitsFor(1, "up")
	s.submit("work", seconds("0")) // for which there is no room
	s.until("it is known to wait", func() bool {
		return s.number(`SELECT count(*) FROM river.river_job WHERE state = 'available'`) == 1
	})
	for _, r := range s.replicas {
		r.reconciler.Wake("cloud")
	}
	s.unlock(first)
	s.agree()
	if rows := s.rows(); rows[works.intent].unit != works.unit {
		s.t.Errorf("the ledger has %v, and not %s for %s", rows, works.unit, works.intent)
	}
}

// TestCloudRunStandInDoublesAreStopped that come to light late: both have a worker, which works.
func TestCloudRunStandInDoublesAreStopped(t *testing.T) {
	t.Parallel()
	s := newSite(t, settings(runPool, 1, 1, "300ms"))
	cloud := s.onCloudRun("cloud")
	s.control(2)
	gates := []gate{s.gate(), s.gate()}
	s.submit("hold", gates[0].input())
	first := s.running()
	double := cloud.Execute(runJob, map[string]string{
		"FRESHET_INSTALL": "here", "FRESHET_POOL": "cloud", "FRESHET_INTENT": first.intent, "FRESHET_GENERATION": "one",
	})
	s.submit("hold", gates[1].input())
	s.until("both work", func() bool { return s.number(`SELECT count(*) FROM freshet.attempts WHERE state = 'running'`) == 2 })
	cloud.Age(long)
	s.audit()
	s.stops(double)
	if state := s.unit(first.unit).State; state != fleet.Running {
		t.Errorf("the first one is %s", state)
	}
	s.unlock(gates[0])
	s.unlock(gates[1])
	s.completed()
	s.zero()
	if n := s.number(`SELECT count(*) FROM freshet.attempts`); n != 3 { // the double handed its own over
		t.Errorf("%d attempts", n)
	}
	// What the other tests count on not to see is seen here, or they were worth nothing.
	if found := s.excesses(); len(found) != 2 {
		t.Errorf("of two workers where there may be one, for one order, was seen: %v", found)
	}
}
