package cmd

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"freshet/config"
	"freshet/jobs/crew"
	"freshet/jobs/process"
)

const apiProgram = "api"

// listenVariables are those that hand sockets down. Each process gets its own.
func listenVariables() []string { return []string{"LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"} }

// programs are what freshet.yaml and the flags ask for. The API comes first: its instances make the kinds
// known that workers then find.
func (u *up) programs() ([]crew.Program, error) {
	settings, err := u.settings()
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	var programs []crew.Program
	if u.options.api > 0 {
		if u.app.env("FRESHET_SECRET_KEY") == "" {
			return nil, &exitError{exitConfig, errors.New("FRESHET_SECRET_KEY is not set: make one with `openssl rand -base64 32` and keep it")}
		}
		programs = append(programs, u.api(self, settings))
	}
	stop := u.options.drain + longestGrace(settings) + stopSlack + time.Second // its own deadline comes first
	for _, pool := range settings.Pools {
		if pool.Provider != config.ProviderProcess {
			continue
		}
		workers, given := u.options.workers[pool.Name]
		if !given {
			workers = max(pool.Min, 1)
		}
		arguments := append([]string{"--config", settings.Path, "--drain", u.options.drain.String()}, u.options.child.arguments()...)
		program := workerProgram(self, pool, workers,
			replaced(environ(), nil, append(listenVariables(), "FRESHET_SECRET_KEY", riverUIVariable, flyTokenVariable)...), arguments...)
		program.StopWithin, program.RetireWithin = stop, u.options.retire
		programs = append(programs, program)
	}
	for i := range programs {
		programs[i].MaxAge = u.options.maxAge
	}
	return programs, errors.Join(u.limitMemory(programs), u.knownPools(programs))
}

// api is the program of the API's instances, which find their socket open.
func (u *up) api(self string, settings *config.Config) crew.Program {
	env := replaced(environ(), map[string]string{"LISTEN_FDS": "1"}, listenVariables()...)
	return crew.Program{
		Name: apiProgram, Instances: u.options.api, StopWithin: apiStop + 5*time.Second,
		Command: func(uuid.UUID, int) process.DaemonSpec {
			return process.DaemonSpec{
				Args: []string{self, "api", "--config", settings.Path}, Env: slices.Clip(env), Files: []*os.File{u.socket},
			}
		},
	}
}

func (u *up) limitMemory(programs []crew.Program) error {
	for name, text := range u.options.memory {
		i := slices.IndexFunc(programs, func(p crew.Program) bool { return p.Name == name })
		if i < 0 {
			return usage(fmt.Errorf("--memory: there is no program %q", name))
		}
		var err error
		if programs[i].Memory, err = parseSize(text); err != nil {
			return usage(fmt.Errorf("--memory %s=%s: %w", name, text, err))
		}
	}
	return nil
}

func (u *up) knownPools(programs []crew.Program) error {
	for pool, workers := range u.options.workers {
		known := slices.ContainsFunc(programs, func(p crew.Program) bool { return p.Name == workerPrefix+pool })
		if !known || workers < 0 {
			return usage(fmt.Errorf("--workers %s=%d: there is no such pool with provider process, or no such number", pool, workers))
		}
	}
	if !slices.ContainsFunc(programs, func(p crew.Program) bool { return p.Instances > 0 }) {
		return usage(errors.New("there is nothing to keep alive"))
	}
	return nil
}

// parseSize reads a number of bytes, such as 512MiB.
func parseSize(text string) (int64, error) {
	unit := int64(1)
	for i, name := range []string{"KiB", "MiB", "GiB"} {
		if number, found := strings.CutSuffix(text, name); found {
			text, unit = number, 1<<(10*(i+1))
		}
	}
	number, err := strconv.ParseInt(text, 10, 64)
	if err != nil || number <= 0 || number > 1<<20*(1<<30)/unit {
		return 0, errors.New("is no size, such as 512MiB")
	}
	return number * unit, nil
}
