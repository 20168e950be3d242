package clouds_test

import (
	"net/http/httptest"
	"time"

	"golang.org/x/time/rate"

	"freshet/jobs/fleet"
	"freshet/jobs/fleet/cloudrun"
	"freshet/jobs/fleet/cloudrun/runfake"
)

// runPool is the settings of a pool on Cloud Run, and runJob its job.
const (
	runPool = `{provider: cloudrun, project: acme-prod, location: asia-northeast1, job: worker, allowRootChildren: true, `
	runJob  = "projects/acme-prod/locations/asia-northeast1/jobs/worker"
)

// onCloudRun makes a stand-in for Cloud Run, with executions on this host, the provider of a pool.
func (s *site) onCloudRun(pool string) *runfake.Server {
	s.t.Helper()
	cloud := runfake.New(func(execution string, env map[string]string) (runfake.Process, error) {
		return s.start(pool, execution, env["FRESHET_INTENT"], []string{"worker", "--pool", pool, "--idle-exit", "--drain", "0s"}, env)
	}, map[string]map[string]string{runJob: {}})
	server := httptest.NewServer(cloud)
	s.t.Cleanup(func() {
		s.halt()
		cloud.Close()
		server.Close()
	})
	s.providers[pool] = func() fleet.Provider {
		client := cloudrun.NewClient(cloudrun.Options{
			Endpoint: server.URL, Tokens: cloudrun.Static("secret"), Pause: 5 * time.Millisecond, Rate: rate.Inf,
		})
		s.t.Cleanup(client.Close)
		return cloudrun.New(client, cloudrun.Pool{Project: "acme-prod", Location: "asia-northeast1", Job: "worker", Install: "here", Name: pool})
	}
	return cloud
}
