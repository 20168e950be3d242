package fleet

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"freshet/jobs"
)

const (
	// zombieAfter is how long a unit may run without a worker that lives.
	zombieAfter = 90 * time.Second
	// goneAfter is how old a unit has to be to be missed: a provider's list may lag.
	goneAfter = 30 * time.Second
	// brokenAfter is how long a unit that failed is left for somebody to look at.
	brokenAfter = 24 * time.Hour
)

// Findings are what differs between a ledger and its provider.
type Findings struct {
	Gone    []jobs.Unit // have not ended, by the ledger, and run no more: to be noted
	Found   []jobs.Unit // a worker lives in them, and they have no row, or one that ended: to be entered
	Zombies []string    // run for nobody: to be stopped
	Doubles []string    // run for an order that another unit runs for: to be stopped
	Broken  []string    // failed, and of no use any more: to be destroyed
}

// Audit compares the units of a ledger that have not ended with all that a provider knows. A unit that the
// ledger does not know, as after a database was put back, is left alone while a worker lives in it, by whose
// unit's id it is recognised, and counts from then on; else it is stopped as any other that runs for nobody.
func Audit(ledger []jobs.Unit, workers []jobs.Worker, known []Unit, now time.Time) Findings {
	var f Findings
	for _, unit := range ledger {
		if unit.State == jobs.UnitIntended || now.Sub(unit.CreatedAt) < goneAfter {
			continue
		}
		if !slices.ContainsFunc(known, func(k Unit) bool { return same(unit, k) && k.State.Alive() }) {
			f.Gone = append(f.Gone, unit)
		}
	}
	for _, k := range known {
		entered := slices.ContainsFunc(ledger, func(u jobs.Unit) bool { return same(u, k) })
		lives := slices.ContainsFunc(workers, func(w jobs.Worker) bool { return w.Unit == k.ID && now.Before(w.LeaseUntil) })
		runs, old := k.State.Alive() && k.State != Stopping, now.Sub(k.Since) >= zombieAfter
		switch {
		case entered:
			if runs && old && double(k, ledger, known) {
				f.Doubles = append(f.Doubles, k.ID)
			}
		case lives && k.Intent != uuid.Nil:
			f.Found = append(f.Found, jobs.Unit{Intent: k.Intent, ID: k.ID, Generation: k.Generation})
		case lives || !old:
		case k.State == Failed && now.Sub(k.Since) > brokenAfter:
			f.Broken = append(f.Broken, k.ID)
		case runs:
			f.Zombies = append(f.Zombies, k.ID)
		}
	}
	return f
}

// double tells whether the ledger knows another unit by the order of one, and that one runs.
func double(k Unit, ledger []jobs.Unit, known []Unit) bool {
	return slices.ContainsFunc(ledger, func(u jobs.Unit) bool {
		return u.Intent == k.Intent && u.ID != "" && u.ID != k.ID &&
			slices.ContainsFunc(known, func(own Unit) bool { return own.ID == u.ID && own.State.Alive() })
	})
}

func same(unit jobs.Unit, known Unit) bool { return unit.ID == known.ID || unit.Intent == known.Intent }
