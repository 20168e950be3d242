package clouds_test

import (
	"net/http"
	"strings"
	"time"

	"freshet/jobs/fleet"
	"freshet/jobs/fleet/fly"
	"freshet/jobs/fleet/fly/flyfake"
)

// flyPool is the settings of a pool on Fly.
const flyPool = `{provider: fly, app: ` + flyfake.App + `, image: "registry.fly.io/acme:1", regions: [nrt, sin], allowRootChildren: true, `

// onFly makes a stand-in for Fly, with machines of this host, the provider of a pool.
func (s *site) onFly(pool string) *flyfake.Server {
	s.t.Helper()
	var cloud *flyfake.Server
	cloud = flyfake.New(func(env map[string]string) (flyfake.Process, error) {
		for _, m := range cloud.Machines() {
			if m.ID == env["FLY_MACHINE_ID"] {
				intent, _, _ := strings.Cut(m.Config.Metadata["freshet_claim"], " ")
				return s.start(pool, m.ID, intent, m.Config.Init.Cmd, env)
			}
		}
		return nil, http.ErrServerClosed
	})
	transport := &http.Transport{}
	s.t.Cleanup(func() {
		s.halt()
		transport.CloseIdleConnections()
		cloud.Close()
	})
	s.providers[pool] = func() fleet.Provider {
		provider, err := fly.New(fly.Config{
			BaseURL: cloud.URL, Token: "FlyV1 " + flyfake.Token, App: flyfake.App, Image: "registry.fly.io/acme:1", Regions: []string{"nrt", "sin"},
			Install: "here", Pool: pool, Command: []string{"worker", "--pool", pool, "--idle-exit", "--drain", "270s"},
			Pace: 10 * time.Millisecond, Transport: transport,
		})
		s.ok(err)
		return provider
	}
	return cloud
}
