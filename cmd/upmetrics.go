package cmd

import (
	"context"
	"maps"
	"slices"

	"freshet/jobs"
	"freshet/jobs/crew"
	"freshet/jobs/metrics"
	"freshet/jobs/supervisor"
)

// metrics are shown at an address, for as long as anything runs; empty: nowhere.
func (u *up) metrics(ctx context.Context, connections func() jobs.Connections) ([]supervisor.Part, error) {
	if u.options.metrics == "" {
		return nil, nil
	}
	host := metrics.NewHost(u.app.Version, connections, func() []metrics.Program {
		return measured(u.crew.Status(), u.crew.Tallies())
	})
	part, err := u.app.metricsPart(ctx, u.options.metrics, host.Serve)
	return []supervisor.Part{part}, err
}

// measured are all programs that have an instance or had one. Each shows all states and outcomes, so that what happens for
// the first time is seen as a change.
func measured(statuses []crew.Status, tallies map[string]crew.Tally) []metrics.Program {
	programs := map[string]*metrics.Program{}
	program := func(name string) *metrics.Program {
		if programs[name] == nil {
			tally := tallies[name]
			programs[name] = &metrics.Program{
				Name: name, States: map[string]int{}, Starts: tally.Starts,
				Ends: map[string]int{"left": tally.Left, "died": tally.Died, "not_started": tally.Unstarted},
			}
			for _, state := range crew.States() {
				programs[name].States[string(state)] = 0
			}
		}
		return programs[name]
	}
	for name := range tallies {
		program(name)
	}
	for _, status := range statuses {
		p := program(status.Program)
		p.States[string(status.State)]++
		p.Memory += status.Memory
	}
	var all []metrics.Program
	for _, name := range slices.Sorted(maps.Keys(programs)) {
		all = append(all, *programs[name])
	}
	return all
}
