package cmd

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"

	"freshet/config"
	"freshet/jobs"
	"freshet/jobs/fleet"
	"freshet/jobs/fleet/cloudrun"
	"freshet/jobs/fleet/fly"
	"freshet/jobs/kind"
)

// fleets are the providers of the pools whose workers "freshet api" starts, by pool. What they are made of is
// read at its start; how many they keep follows the settings.
type fleets map[string]cloudFleet

// cloudFleet is a provider, and the generation of what it starts.
type cloudFleet struct {
	fleet.Provider

	generation string
}

// cloudFleets are the pools' providers outside of this host.
func (a *app) cloudFleets(settings *config.Config, install string) (fleets, error) {
	found := fleets{}
	google := cloudrun.NewClient(cloudrun.Options{Tokens: cloudrun.NewMetadata(cloudrun.MetadataServer, nil)})
	for _, pool := range settings.Pools {
		provider, err := a.cloudFleet(pool, install, google)
		switch {
		case err != nil:
			return nil, &exitError{exitConfig, fmt.Errorf("pool %s: %w", pool.Name, err)}
		case provider.Fleet != nil:
			found[pool.Name] = cloudFleet{provider, a.generation(pool)}
		}
	}
	return found, nil
}

// flyTokenVariable holds what may start machines of the workers' app.
const flyTokenVariable = "FLY_API_TOKEN" //nolint:gosec // its name, no secret

func (a *app) cloudFleet(pool config.Pool, install string, google *cloudrun.Client) (fleet.Provider, error) {
	switch pool.Provider {
	case config.ProviderFly:
		token := a.env(flyTokenVariable)
		if token == "" {
			return fleet.Provider{}, errors.New(flyTokenVariable + " is not set; machines on Fly are started with it")
		}
		image, err := kind.Resolve(pool.Fly.Image, a.Lookup)
		if err != nil {
			return fleet.Provider{}, fmt.Errorf("image: %w", err)
		}
		return fly.New(fly.Config{
			BaseURL: a.env("FLY_FLAPS_BASE_URL"), Token: token, App: pool.Fly.App, Image: image, Regions: pool.Fly.Regions, Size: pool.Fly.Size,
			Install: install, Pool: pool.Name, Command: cloudWorker(pool),
		})
	case config.ProviderCloudRun:
		return cloudrun.New(google, cloudrun.Pool{
			Project: pool.CloudRun.Project, Location: pool.CloudRun.Location, Job: pool.CloudRun.Job, Install: install, Name: pool.Name,
		}), nil
	default:
		return fleet.Provider{}, nil
	}
}

// cloudWorker is what the image of a worker is started with.
func cloudWorker(pool config.Pool) []string {
	return []string{"worker", "--pool", pool.Name, "--idle-exit", "--drain", strconv.Itoa(cloudDrain) + "s"}
}

// cloudDrain is in seconds, and less than the five minutes that Fly gives at most.
const cloudDrain = 270

// generation tells what workers of a pool are made of, and not how many there may be.
func (a *app) generation(pool config.Pool) string {
	pool.Min, pool.Max, pool.HoursPerDay = 0, 0, 0
	pool.Fly.Image, _ = kind.Resolve(pool.Fly.Image, a.Lookup) // refused before, if it cannot be
	sum := sha256.Sum256(fmt.Appendf(nil, "%+v", pool))
	return hex.EncodeToString(sum[:6])
}

// providers are those of the pools that the reconciler is to keep.
func (f fleets) providers() map[string]fleet.Provider {
	providers := map[string]fleet.Provider{}
	for pool, cloud := range f {
		providers[pool] = cloud.Provider
	}
	return providers
}

// of says how workers of the configured pools are started.
func (f fleets) of(settings *config.Config) map[string]*jobs.PoolFleet {
	found := map[string]*jobs.PoolFleet{}
	for _, pool := range settings.Pools {
		if cloud, mine := f[pool.Name]; mine {
			found[pool.Name] = poolFleet(pool, cloud.generation)
			found[pool.Name].StartTime = cloud.StartTime
		}
	}
	return found
}

// poolFleet is how a pool's workers are started, as the database keeps it.
func poolFleet(pool config.Pool, generation string) *jobs.PoolFleet {
	f := &jobs.PoolFleet{Min: pool.Min, Max: pool.Max, Generation: generation, StartsPerMinute: pool.StartsPerMinute}
	if pool.HoursPerDay > 0 {
		f.BudgetHours = &pool.HoursPerDay
	}
	return f
}
