package fleet

import (
	"slices"
	"time"

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
	Zombies []string    // run for nobody: to be stopped
	Broken  []string    // failed, and of no use any more: to be destroyed
}

// Audit compares the units of a ledger that have not ended with all that a provider knows. A unit that the
// ledger does not know, as after a database was put back, is left alone while a worker lives in it, by whose
// unit's id it is recognised; else it is stopped as any other that runs for nobody.
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
		wanted := slices.ContainsFunc(ledger, func(u jobs.Unit) bool { return same(u, k) }) ||
			slices.ContainsFunc(workers, func(w jobs.Worker) bool { return w.Unit == k.ID && now.Before(w.LeaseUntil) })
		switch {
		case wanted || now.Sub(k.Since) < zombieAfter:
		case k.State == Failed && now.Sub(k.Since) > brokenAfter:
			f.Broken = append(f.Broken, k.ID)
		case k.State.Alive() && k.State != Stopping:
			f.Zombies = append(f.Zombies, k.ID)
		}
	}
	return f
}

func same(unit jobs.Unit, known Unit) bool { return unit.ID == known.ID || unit.Intent == known.Intent }
