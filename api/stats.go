package api

import (
	"context"
	"net/http"

	"freshet/jobs"
)

func (s *Server) statsRoutes(r *routes) {
	handle(r, operation{
		id: "get-stats", method: http.MethodGet, path: "/v1/stats", tag: "fleet", scope: jobs.ScopeRead,
		summary: "Count what waits and what runs",
		detail: "The caller's own tasks. An admin gets everybody's, or those of the owner that the request names, and of " +
			"everybody's the load of the pools too. Tasks that have ended are not counted.",
	}, s.getStats)
}

type statsInput struct {
	Owner string `query:"owner" maxLength:"255" doc:"Another one than the key's own needs a key with actAsOwner."`
}

// statsView is what waits and runs at one moment.
type statsView struct {
	Pending int             `json:"pending" doc:"Tasks that wait, of all kinds."`
	Running int             `json:"running" doc:"Tasks that run, of all kinds."`
	Kinds   []kindStatsView `json:"kinds" nullable:"false" doc:"Those that have a task that has not ended, by name."`
	Pools   []poolStatsView `json:"pools,omitempty" doc:"By name. Only for an admin who asks about everybody."`
}

// kindStatsView is what waits and runs of one kind.
type kindStatsView struct {
	Kind    string         `json:"kind" example:"report"`
	Pending int            `json:"pending"`
	Running int            `json:"running"`
	Waiting map[string]int `json:"waiting" doc:"The pending ones, by what is written down as the reason: queued, scheduled, backoff, paused, no_worker, owner_limit, kind_limit or credential_hold."`
}

// poolStatsView is the load of a pool.
type poolStatsView struct {
	Pool          string         `json:"pool" example:"default"`
	Queued        int            `json:"queued" doc:"Attempts that wait for a slot."`
	OldestSeconds float64        `json:"oldestSeconds" doc:"How long the first of them has waited."`
	Running       int            `json:"running" doc:"Attempts that run."`
	Workers       int            `json:"workers" doc:"That are alive."`
	Slots         int            `json:"slots" doc:"Of these workers."`
	Units         map[string]int `json:"units" doc:"Machines and processes that Freshet has started or is about to, by state: intended, starting or up."`
}

type statsOutput struct {
	Body statsView
}

func (s *Server) getStats(ctx context.Context, in *statsInput) (*statsOutput, error) {
	identity := caller(ctx)
	owner := in.Owner
	if !identity.Admin {
		if owner == "" {
			owner = identity.Owner
		}
		if !identity.May(owner) {
			return nil, newProblem(codeForbidden, "Only a key with actAsOwner counts another owner's tasks.")
		}
	}
	var stats jobs.Stats
	var err error
	if owner == "" {
		stats, err = s.store.Stats(ctx)
	} else {
		stats, err = s.store.OwnStats(ctx, owner)
	}
	if err != nil {
		return nil, err
	}
	return &statsOutput{viewStats(stats)}, nil
}

func viewStats(stats jobs.Stats) statsView {
	view := statsView{Kinds: listOf(stats.Kinds, viewKindStats).Items, Pools: listOf(stats.Pools, viewPoolStats).Items}
	for _, kind := range view.Kinds {
		view.Pending += kind.Pending
		view.Running += kind.Running
	}
	return view
}

func viewKindStats(k jobs.KindStats) kindStatsView {
	return kindStatsView{Kind: k.Kind, Pending: k.Pending(), Running: k.Running, Waiting: byText(k.Waiting)}
}

func viewPoolStats(p jobs.PoolStats) poolStatsView {
	return poolStatsView{
		Pool: p.Pool, Queued: p.Queued, OldestSeconds: p.Oldest.Seconds(), Running: p.Running, Workers: p.Workers, Slots: p.Slots,
		Units: byText(p.Units),
	}
}

// byText makes the keys of counts the strings that they are.
func byText[K ~string](counts map[K]int) map[string]int {
	texts := make(map[string]int, len(counts))
	for key, n := range counts {
		texts[string(key)] = n
	}
	return texts
}
