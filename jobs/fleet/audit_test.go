package fleet

import (
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"

	"freshet/jobs"
)

func TestAudit(t *testing.T) {
	t.Parallel()
	now := time.Now()
	old, young := now.Add(-2*time.Minute), now.Add(-10*time.Second)
	intent := uuid.Must(uuid.NewV7())
	row := func(id string, state jobs.UnitState, at time.Time) jobs.Unit {
		return jobs.Unit{Intent: uuid.NewSHA1(intent, []byte(id)), ID: id, State: state, CreatedAt: at}
	}
	runs := func(id string, state State, at time.Time) Unit { return Unit{ID: id, State: state, Since: at} }
	for name, test := range map[string]struct {
		ledger  []jobs.Unit
		workers []jobs.Worker
		known   []Unit
		want    Findings
	}{
		"both agree": {
			ledger: []jobs.Unit{row("a", jobs.UnitUp, old)}, known: []Unit{runs("a", Running, old)},
		},
		"a unit is gone": {
			ledger: []jobs.Unit{row("a", jobs.UnitUp, old)},
			want:   Findings{Gone: []jobs.Unit{row("a", jobs.UnitUp, old)}},
		},
		"a unit was stopped": {
			ledger: []jobs.Unit{row("a", jobs.UnitStarting, old)}, known: []Unit{runs("a", Stopped, old)},
			want: Findings{Gone: []jobs.Unit{row("a", jobs.UnitStarting, old)}},
		},
		"a list may lag":          {ledger: []jobs.Unit{row("a", jobs.UnitStarting, young)}},
		"nothing was ordered yet": {ledger: []jobs.Unit{row("", jobs.UnitIntended, old)}},
		"a host does not answer": {
			ledger: []jobs.Unit{row("a", jobs.UnitUp, old)}, known: []Unit{runs("a", Unknown, old)},
		},
		"it runs for nobody":             {known: []Unit{runs("a", Running, old)}, want: Findings{Zombies: []string{"a"}}},
		"it ran for nobody for a moment": {known: []Unit{runs("a", Running, young)}},
		"it is about to end":             {known: []Unit{runs("a", Stopping, old)}},
		"it is stopped":                  {known: []Unit{runs("a", Stopped, old)}},
		"it failed a while ago":          {known: []Unit{runs("a", Failed, old)}},
		"it failed yesterday":            {known: []Unit{runs("a", Failed, now.Add(-25*time.Hour))}, want: Findings{Broken: []string{"a"}}},
		"a worker lives in what no ledger knows": {
			workers: []jobs.Worker{{Unit: "a", LeaseUntil: now.Add(time.Second)}}, known: []Unit{runs("a", Running, old)},
		},
		"a worker is dead in what no ledger knows": {
			workers: []jobs.Worker{{Unit: "a", LeaseUntil: now.Add(-time.Second)}}, known: []Unit{runs("a", Running, old)},
			want: Findings{Zombies: []string{"a"}},
		},
	} {
		if got := Audit(test.ledger, test.workers, test.known, now); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: found %+v, want %+v", name, got, test.want)
		}
	}
	lost := row("", jobs.UnitStarting, old)
	lives := []jobs.Worker{{Unit: "b", LeaseUntil: now.Add(time.Second)}}
	of := func(id string, at time.Time) Unit {
		return Unit{ID: id, Intent: lost.Intent, State: Running, Since: at}
	}
	first := row("a", jobs.UnitUp, old)
	first.Intent = lost.Intent
	for name, test := range map[string]struct {
		ledger []jobs.Unit
		known  []Unit
		want   Findings
	}{
		"a worker lives in what the ledger has given up": {
			known: []Unit{of("b", young)}, want: Findings{Found: []jobs.Unit{{Intent: lost.Intent, ID: "b"}}},
		},
		"a double": {
			ledger: []jobs.Unit{first}, known: []Unit{of("a", old), of("b", old)}, want: Findings{Doubles: []string{"b"}},
		},
		"a double that may be settled yet":        {ledger: []jobs.Unit{first}, known: []Unit{of("a", old), of("b", young)}},
		"a double of what does not run":           {ledger: []jobs.Unit{first}, known: []Unit{of("b", old)}},
		"two, and nobody knows which is the unit": {ledger: []jobs.Unit{lost}, known: []Unit{of("a", old), of("b", old)}},
	} {
		if got := Audit(test.ledger, lives, test.known, now); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: found %+v, want %+v", name, got, test.want)
		}
	}
	if got := Audit([]jobs.Unit{lost}, nil, []Unit{{ID: "a", Intent: lost.Intent, State: Running, Since: old}}, now); !reflect.DeepEqual(got, Findings{}) {
		t.Errorf("a unit that is known by its intent alone: %+v", got)
	}
}
