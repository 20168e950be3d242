package fleet

import (
	"math/rand/v2"
	"testing"
	"time"

	"freshet/jobs"
)

// pool is a demand of a pool of workers of four slots, of which there may be ten.
func pool(change func(*jobs.Demand)) jobs.Demand {
	d := jobs.Demand{Slots: 4, Max: 10, NoBudget: true}
	change(&d)
	return d
}

func TestDesired(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*jobs.Demand)
		want   int
	}{
		"nothing waits":                        {func(*jobs.Demand) {}, 0},
		"one waits":                            {func(d *jobs.Demand) { d.Ready = 1 }, 1},
		"as many as one worker takes":          {func(d *jobs.Demand) { d.Ready = 4 }, 1},
		"one more":                             {func(d *jobs.Demand) { d.Ready = 5 }, 2},
		"slots are free":                       {func(d *jobs.Demand) { d.Ready, d.Free, d.Units = 3, 3, 1 }, 0},
		"some are free":                        {func(d *jobs.Demand) { d.Ready, d.Free, d.Units = 9, 3, 1 }, 2},
		"a worker is being started":            {func(d *jobs.Demand) { d.Ready, d.Booting, d.Units = 4, 4, 1 }, 0},
		"more than there may be":               {func(d *jobs.Demand) { d.Ready, d.Units = 1000, 7 }, 3},
		"all that may be are there":            {func(d *jobs.Demand) { d.Ready, d.Units = 1000, 10 }, 0},
		"more are there than may be":           {func(d *jobs.Demand) { d.Ready, d.Units = 1000, 12 }, 0},
		"some are always kept":                 {func(d *jobs.Demand) { d.Min, d.Units = 3, 1 }, 2},
		"it is paused":                         {func(d *jobs.Demand) { d.Ready, d.Min, d.Paused = 9, 2, true }, 0},
		"it grows too fast":                    {func(d *jobs.Demand) { d.Ready, d.Max, d.Recent, d.StartsPerMinute = 900, 500, 58, 60 }, 2},
		"it may grow slowly, and has":          {func(d *jobs.Demand) { d.Ready, d.Recent, d.StartsPerMinute = 9, 2, 2 }, 0},
		"it may grow as fast as it wants":      {func(d *jobs.Demand) { d.Ready, d.Max, d.Recent = 900, 500, 158 }, 225},
		"the first failure":                    {func(d *jobs.Demand) { d.Ready, d.Failures = 8, 1 }, 2},
		"the second, a moment ago":             {func(d *jobs.Demand) { d.Ready, d.Failures = 8, 2 }, 0},
		"the second, a while ago":              {func(d *jobs.Demand) { d.Ready, d.Failures, d.FailedFor = 8, 2, time.Second }, 2},
		"the fifth, a minute ago":              {func(d *jobs.Demand) { d.Ready, d.Failures, d.FailedFor = 8, 5, time.Minute }, 0},
		"the fifth, two minutes ago":           {func(d *jobs.Demand) { d.Ready, d.Failures, d.FailedFor = 8, 5, 2*time.Minute }, 1},
		"the sixth, two minutes ago":           {func(d *jobs.Demand) { d.Ready, d.Failures, d.FailedFor = 8, 6, 2*time.Minute }, 0},
		"the hundredth, eight minutes ago":     {func(d *jobs.Demand) { d.Ready, d.Failures, d.FailedFor = 8, 100, 8*time.Minute }, 1},
		"the budget is used up":                {func(d *jobs.Demand) { d.Ready, d.NoBudget = 8, false }, 0},
		"the budget is overdrawn":              {func(d *jobs.Demand) { d.Ready, d.NoBudget, d.BudgetLeft = 8, false, -3 }, 0},
		"the budget allows for one beside two": {func(d *jobs.Demand) { d.Ready, d.Units, d.NoBudget, d.BudgetLeft = 80, 2, false, 0.3 }, 1},
		"a pool that was never told of":        {func(d *jobs.Demand) { *d = jobs.Demand{} }, 0},
	} {
		if got := Desired(pool(test.change)); got != test.want {
			t.Errorf("%s: %d units are started, want %d", name, got, test.want)
		}
	}
}

func TestHeldBack(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*jobs.Demand)
		want   bool
	}{
		"nothing waits":                   {func(*jobs.Demand) {}, false},
		"all that may be are there":       {func(d *jobs.Demand) { d.Ready, d.Units = 1000, 10 }, false},
		"the second failure, just now":    {func(d *jobs.Demand) { d.Ready, d.Failures = 8, 2 }, false},
		"the fifth, a minute ago":         {func(d *jobs.Demand) { d.Failures, d.FailedFor = 5, time.Minute }, true},
		"the fifth, two minutes ago":      {func(d *jobs.Demand) { d.Failures, d.FailedFor = 5, 2*time.Minute }, false},
		"the budget is used up":           {func(d *jobs.Demand) { d.NoBudget = false }, true},
		"the budget is for what is there": {func(d *jobs.Demand) { d.Units, d.NoBudget, d.BudgetLeft = 3, false, 0.3 }, true},
		"the budget allows for one":       {func(d *jobs.Demand) { d.NoBudget, d.BudgetLeft = false, 0.1 }, false},
	} {
		if _, got := Decide(pool(test.change)); got != test.want {
			t.Errorf("%s: held back %v", name, got)
		}
	}
}

// TestDesiredHoldsItsBounds tries demands at random: whatever is seen, never more than may be, and never none where
// something waits that nobody will take.
func TestDesiredHoldsItsBounds(t *testing.T) {
	t.Parallel()
	for range 200_000 {
		d := jobs.Demand{
			Paused: rand.IntN(10) == 0, Ready: rand.IntN(50), Free: rand.IntN(20), Booting: rand.IntN(20), Units: rand.IntN(12),
			Slots: 1 + rand.IntN(8), Min: rand.IntN(3), Max: rand.IntN(12), Recent: rand.IntN(70), Failures: rand.IntN(9),
			FailedFor: time.Duration(rand.Int64N(int64(10 * time.Minute))), BudgetLeft: rand.Float64()*4 - 1, NoBudget: rand.IntN(2) == 0,
			StartsPerMinute: rand.IntN(70),
		}
		got := Desired(d)
		free := d.Max > d.Units && (d.StartsPerMinute == 0 || d.Recent < d.StartsPerMinute) && !d.Paused && Pause(d) <= 0 && (d.NoBudget || affordable(d) > 0)
		switch {
		case got < 0,
			got > 0 && !free,
			got > 0 && d.Units+got > d.Max,
			got > 0 && d.StartsPerMinute > 0 && d.Recent+got > d.StartsPerMinute,
			got > 1 && d.Failures >= failuresToOpen,
			free && d.Ready > d.Free+d.Booting && got == 0,
			(got-1)*d.Slots >= max(0, d.Ready-d.Free-d.Booting) && d.Units+got > d.Min && got > 0:
			t.Fatalf("%+v: %d units are started", d, got)
		}
	}
}
