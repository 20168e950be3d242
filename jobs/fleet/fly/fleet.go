package fly

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"freshet/jobs/fleet"
)

const (
	startTime = 2 * time.Second // of a stopped machine; docs of Fly say less, a worker connects first
	bootTime  = 2 * time.Minute // of a new one, whose image is pulled
)

// Config is a pool on Fly. App, Token, Image, Install and Pool are required.
type Config struct {
	BaseURL string   // of the Machines API, without /v1; DefaultURL
	Token   string   // one that may manage the app, as "fly tokens create deploy" prints it
	App     string   // of the workers; nothing else should be in it
	Image   string   // best by its digest: a tag may mean another image to the next machine
	Regions []string // in the order in which they are tried; none: Fly chooses
	Size    string   // DefaultSize

	Install string            // the installation that the machines are labelled with
	Pool    string            // and the pool
	Command []string          // for the entrypoint of the image
	Env     map[string]string // of the worker; FRESHET_GENERATION is set beside it. No secrets: they are the app's own

	Pace      time.Duration     // between two requests of one sort for one machine; 1 s, which is Fly's
	Transport http.RoundTripper // http.DefaultTransport
}

// Fleet is the machines of one pool.
type Fleet struct {
	config Config
	guest  *guest
	client *client
	roster roster

	mu    sync.Mutex
	wrote time.Time       // when this replica last changed a machine
	taken map[string]bool // machines that a Start of this replica is at
}

// New makes the provider of a pool. It asks Fly nothing yet.
func New(c Config) (fleet.Provider, error) {
	for name, value := range map[string]string{"App": c.App, "Token": c.Token, "Image": c.Image, "Install": c.Install, "Pool": c.Pool} {
		if strings.TrimSpace(value) == "" {
			return fleet.Provider{}, errors.New("fly: there is no " + name)
		}
	}
	size, err := sized(cmp.Or(c.Size, DefaultSize))
	if err != nil {
		return fleet.Provider{}, err
	}
	client := newClient(c)
	f := &Fleet{config: c, guest: size, client: client, taken: map[string]bool{}}
	f.roster = roster{fetch: f.machines, pace: client.pace}
	return fleet.Provider{Fleet: f, StartTime: startTime, BootTime: bootTime}, nil
}

// machines asks Fly for the pool's machines.
func (f *Fleet) machines(ctx context.Context) ([]machine, error) {
	var all []machine
	query := url.Values{"metadata." + metaInstall: {f.config.Install}, "metadata." + metaPool: {f.config.Pool}}
	if err := f.client.do(ctx, request{action: actionList, method: http.MethodGet, query: query, answer: &all}); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(m machine) bool {
		return m.gone() || m.meta(metaInstall) != f.config.Install || m.meta(metaPool) != f.config.Pool
	}), nil
}

// recent is a list that is a second old at most, and knows what this replica has changed.
func (f *Fleet) recent(ctx context.Context) ([]machine, error) {
	at := time.Now().Add(-f.client.pace.every)
	f.mu.Lock()
	if f.wrote.After(at) {
		at = f.wrote
	}
	f.mu.Unlock()
	return f.roster.since(ctx, at)
}

// touch takes note that this replica changes a machine.
func (f *Fleet) touch() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.wrote = time.Now()
}

// List tells of the pool's machines, those that are stopped included.
func (f *Fleet) List(ctx context.Context) ([]fleet.Unit, error) {
	machines, err := f.recent(ctx)
	if err != nil {
		return nil, err
	}
	units := make([]fleet.Unit, len(machines))
	for i := range machines {
		units[i] = machines[i].unit()
	}
	return units, nil
}

// Stop tells a machine's worker to end, and gives it five minutes. The machine is kept.
func (f *Fleet) Stop(ctx context.Context, id string) error {
	defer f.touch()
	for tries := 0; ; tries++ {
		err := f.client.do(ctx, request{
			action: actionStop, method: http.MethodPost, id: id, path: "/stop", body: stopping{killSignal, killTimeout}, busy: true,
		})
		if !is(err, http.StatusPreconditionFailed) {
			return missing(err)
		}
		m, looked := f.get(ctx, id)
		if looked != nil {
			return missing(looked)
		}
		if !m.state().Alive() || m.state() == fleet.Stopping {
			return nil
		}
		if cause := f.client.backOff(ctx, tries); cause != nil {
			return errors.Join(err, cause)
		}
	}
}

// Destroy ends a machine at once and removes it.
func (f *Fleet) Destroy(ctx context.Context, id string) error { return f.destroy(ctx, id, "") }

func (f *Fleet) destroy(ctx context.Context, id, nonce string) error {
	defer f.touch()
	return missing(f.client.do(ctx, request{
		action: actionDestroy, method: http.MethodDelete, id: id, query: url.Values{"force": {"true"}}, nonce: nonce, busy: true,
	}))
}

// missing makes no error of a machine that there is not.
func missing(err error) error {
	if is(err, http.StatusNotFound) {
		return nil
	}
	return err
}

func (f *Fleet) get(ctx context.Context, id string) (machine, error) {
	var m machine
	err := f.client.do(ctx, request{action: actionGet, method: http.MethodGet, id: id, answer: &m})
	return m, err
}

// How a machine's worker is told to end. Fly's own defaults differ, and five minutes are its most.
const (
	killSignal  = "SIGTERM"
	killTimeout = "5m0s"
	maxRetries  = 3 // of a worker that exits with another code than 0
)

// wanted is a machine of a generation, with a claim.
func (f *Fleet) wanted(generation string, c claim) config {
	env := maps.Clone(f.config.Env)
	if env == nil {
		env = map[string]string{}
	}
	env["FRESHET_GENERATION"] = generation
	return config{
		Image: f.config.Image, Env: env, Init: initial{Cmd: f.config.Command}, Guest: f.guest,
		Metadata: map[string]string{
			metaInstall: f.config.Install, metaPool: f.config.Pool, metaGeneration: generation, metaClaim: c.String(),
		},
		Restart:    restart{Policy: "on-failure", MaxRetries: maxRetries},
		StopConfig: &stopping{killSignal, killTimeout},
	}
}
