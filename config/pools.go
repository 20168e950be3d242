package config

import (
	"regexp"
	"slices"
	"time"

	"freshet/jobs"
	"freshet/jobs/document"
)

// DefaultPool is the pool of every kind that names no other.
const DefaultPool = "default"

// Pool is a group of like workers.
type Pool struct {
	Name        string
	Provider    string        // one of the Provider constants
	Slots       int           // attempts that one worker runs at once
	Min, Max    int           // workers that the provider keeps
	IdleTimeout time.Duration // without work, after which a worker ends itself
	Lease       time.Duration // without a heartbeat, after which a worker counts as dead

	ChildUser         string // name or number of the user that commands run as; empty: the worker's
	AllowRootChildren bool   // commands may run as root, if the worker is

	StartsPerMinute int      // workers
	HoursPerDay     float64  // that its workers may run together, from midnight to midnight UTC; 0: without limit
	Fly             Fly      // of ProviderFly
	CloudRun        CloudRun // of ProviderCloudRun
}

func poolShape() shape[Pool] {
	content := object(slices.Concat([]key[Pool]{
		field("provider", "Who starts the workers: process (this host), fly (Fly Machines), cloudrun (a Cloud Run job) or none (you).",
			choice(ProviderProcess, ProviderFly, ProviderCloudRun, ProviderNone),
			func(p *Pool) *string { return &p.Provider }).otherwise(ProviderProcess),
		field("slots", "How many attempts one worker runs at once.", whole(1, 1000),
			func(p *Pool) *int { return &p.Slots }).otherwiseNumber(4),
		field("min", "How many workers are kept without work.", whole(0, 1000),
			func(p *Pool) *int { return &p.Min }).otherwiseNumber(0),
		field("max", "How many workers there are at most.", whole(0, 1000),
			func(p *Pool) *int { return &p.Max }).otherwiseNumber(2),
		field("idleTimeout", "How long a worker stays without work.", duration(0),
			func(p *Pool) *time.Duration { return &p.IdleTimeout }).otherwise("60s"),
		field("lease", "How long without a heartbeat until a worker counts as dead.", duration(5*time.Second),
			func(p *Pool) *time.Duration { return &p.Lease }).otherwise("60s"),
		field("childUser", "Name or number of the user that commands run as; the worker must be root for it.",
			matching(regexp.MustCompile(`^[^\s:/]+$`), "the name or number of a user", "freshet-tasks"),
			func(p *Pool) *string { return &p.ChildUser }),
		field("allowRootChildren", "Whether a worker that is root may run commands as root.", truth(),
			func(p *Pool) *bool { return &p.AllowRootChildren }).otherwiseNot(),
	}, providerFields())...).then(func(r *reader, at place, n *node, p *Pool) {
		if p.Min > p.Max {
			r.fail(at.key("min"), n.nearest("min"), "is %d, more than max, which is %d", p.Min, p.Max)
		}
		if p.ChildUser != "" && p.AllowRootChildren {
			r.fail(at.key("allowRootChildren"), n.nearest("allowRootChildren"), "is of no use beside childUser; remove one of the two")
		}
	}).then(checkProvider)
	content.schema["allOf"] = eachItsOwn()
	return content
}

func poolsShape() shape[[]Pool] {
	pattern := regexp.MustCompile(jobs.NamePattern)
	return dictionary(pattern, "a pool; use small letters, digits and single hyphens", poolShape(),
		func(pools *[]Pool, name string, pool Pool) {
			pool.Name = name
			*pools = append(*pools, pool)
		}).then(func(r *reader, at place, n *node, _ *[]Pool) {
		for _, pair := range n.pairs {
			if len(pair.key.text) > jobs.MaxName {
				r.fail(at.named(pair.key.text), pair.key, "is longer than %d characters", jobs.MaxName)
			}
		}
	})
}

// checkPools adds the default pool where the file has none, and refuses kinds of unknown pools.
func (r *reader) checkPools(content *file) {
	var names []string
	for _, pool := range content.pools {
		names = append(names, pool.Name)
	}
	if !slices.Contains(names, DefaultPool) {
		pool := Pool{Name: DefaultPool}
		poolShape().read(r, place{}, &node{nodeType: mappingNode}, &pool)
		content.pools = append([]Pool{pool}, content.pools...)
		names = append(names, DefaultPool)
	}
	for _, entry := range content.kinds {
		if entry.Pool != "" && !slices.Contains(names, entry.Pool) {
			r.fail(entry.at.key("pool"), entry.node.nearest("pool"), "there is no pool %q%s", entry.Pool, document.Suggestion(entry.Pool, names))
		}
	}
}
