package config

import (
	"regexp"
	"slices"

	"freshet/jobs/kind"
)

// The providers of a pool's workers.
const (
	ProviderNone     = "none"     // started by hand or by something else
	ProviderProcess  = "process"  // processes on the host of "freshet up" or "freshet dev"
	ProviderFly      = "fly"      // Fly Machines
	ProviderCloudRun = "cloudrun" // executions of a Cloud Run job
)

// Fly is where the workers of a pool run on Fly.
type Fly struct {
	App     string   // of the workers alone: see docs/fly.md
	Image   string   // with ${VAR}, which is resolved where machines are started
	Regions []string // in the order in which they are tried; none: Fly chooses
	Size    string   // such as shared-cpu-2x; empty: the provider's default
}

// CloudRun is the Cloud Run job whose executions are the workers of a pool.
type CloudRun struct{ Project, Location, Job string }

// own are the keys of a pool that mean something to one provider alone.
type own struct {
	provider           string
	required, optional []string
}

func owned() []own {
	return []own{
		{ProviderFly, []string{"app", "image"}, []string{"regions", "size"}},
		{ProviderCloudRun, []string{"project", "location", "job"}, nil},
	}
}

// started are the keys of a pool that mean something where Freshet starts the workers.
func started() []string { return []string{"startsPerMinute", "budget"} }

// checkProvider refuses a pool that lacks what its provider needs, or has what is another's.
func checkProvider(r *reader, at place, n *node, p *Pool) {
	for _, own := range owned() {
		for _, name := range slices.Concat(own.required, own.optional) {
			value := n.get(name)
			switch {
			case value != nil && p.Provider != own.provider:
				r.fail(at.key(name), value, "is for provider %s, and this pool has %s; remove it", own.provider, p.Provider)
			case value == nil && p.Provider == own.provider && slices.Contains(own.required, name):
				r.fail(at.key(name), n, "is missing; provider %s needs it", own.provider)
			}
		}
	}
	for _, name := range started() {
		if value := n.get(name); value != nil && p.Provider == ProviderNone {
			r.fail(at.key(name), value, "is for workers that Freshet starts, and this pool has provider none; remove it")
		}
	}
}

// eachItsOwn tells editors the same.
func eachItsOwn() []any {
	has := func(provider string) map[string]any {
		return map[string]any{
			"properties": map[string]any{"provider": map[string]any{"const": provider}}, "required": []string{"provider"},
		}
	}
	none := map[string]any{}
	for _, name := range started() {
		none[name] = false
	}
	rules := []any{map[string]any{"if": has(ProviderNone), "then": map[string]any{"properties": none}}}
	for _, own := range owned() {
		foreign := map[string]any{}
		for _, name := range slices.Concat(own.required, own.optional) {
			foreign[name] = false
		}
		rules = append(rules, map[string]any{
			"if": has(own.provider), "then": map[string]any{"required": own.required}, "else": map[string]any{"properties": foreign},
		})
	}
	return rules
}

func providerFields() []key[Pool] {
	return []key[Pool]{
		field("app", "The Fly app of the workers, and of nothing else; for provider fly.",
			matching(regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`), "the name of a Fly app", "acme-workers"),
			func(p *Pool) *string { return &p.Fly.App }),
		field("image", "What the machines run, best by its digest; for provider fly. ${VAR} and ${VAR:-x} are resolved by the API.",
			image(), func(p *Pool) *string { return &p.Fly.Image }),
		field("regions", "Regions of Fly, in the order in which they are tried; for provider fly.",
			list(matching(regexp.MustCompile(`^[a-z]{3}$`), "the code of a region", "nrt")).then(refuseTwice),
			func(p *Pool) *[]string { return &p.Fly.Regions }),
		field("size", "The size of a machine, shared-cpu-1x if not given; for provider fly.",
			matching(regexp.MustCompile(`^(shared-cpu-[12468]x|performance-([12468]|1[0246])x)$`), "a size of Fly's", "shared-cpu-2x or performance-2x"),
			func(p *Pool) *string { return &p.Fly.Size }),
		field("project", "The Google Cloud project of the job; for provider cloudrun.",
			matching(regexp.MustCompile(`^([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$`), "the id of a project", "acme-prod"),
			func(p *Pool) *string { return &p.CloudRun.Project }),
		field("location", "The region of the job; for provider cloudrun.",
			matching(regexp.MustCompile(`^[a-z]+-[a-z]+[0-9]+$`), "a region", "asia-northeast1"),
			func(p *Pool) *string { return &p.CloudRun.Location }),
		field("job", "The Cloud Run job whose executions are the workers; for provider cloudrun.",
			matching(regexp.MustCompile(`^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`), "the name of a job", "freshet-worker"),
			func(p *Pool) *string { return &p.CloudRun.Job }),
		field("startsPerMinute", "How many workers are started within a minute at most.", whole(1, 1000),
			func(p *Pool) *int { return &p.StartsPerMinute }).otherwiseNumber(60),
		field("budget", "What the workers may use; nothing is started beyond it, and what runs goes on.", budgetShape(),
			func(p *Pool) *float64 { return &p.HoursPerDay }),
	}
}

func budgetShape() shape[float64] {
	return object(
		field("unitHoursPerDay", "Hours that all workers of the pool may run together in a day (UTC).", decimal(0.1, 100_000),
			func(hours *float64) *float64 { return hours }).must(),
	)
}

// image is a reference to an image, in which variables may stand: who deploys knows its digest when the file is
// in it already.
func image() shape[string] {
	form := regexp.MustCompile(`^[a-z0-9]([a-zA-Z0-9._:/-]*[a-zA-Z0-9])?(@sha256:[0-9a-f]{64})?$`)
	const expected = "an image such as registry.fly.io/acme@sha256:… with the 64 digits of its digest"
	content := words()
	return shape[string]{content.schema, func(r *reader, at place, n *node, into *string) {
		content.read(r, at, n, into)
		if *into == "" {
			if n.nodeType == textNode && n.text == "" {
				r.fail(at, n, `"" must be %s`, expected)
			}
			return
		}
		plain, err := kind.Resolve(*into, func(string) (string, bool) { return "", true })
		switch {
		case err != nil:
			r.fail(at, n, "%v", err)
		case plain == *into && !form.MatchString(plain):
			r.fail(at, n, "%s must be %s", quote(plain), expected)
		}
	}}
}

func refuseTwice(r *reader, at place, n *node, values *[]string) {
	for i, value := range *values {
		if slices.Contains((*values)[:i], value) {
			r.fail(at.item(i), n.items[i], "%q stands twice here; remove one", value)
		}
	}
}
