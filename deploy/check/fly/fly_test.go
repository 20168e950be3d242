// Package fly looks for misspelt keys in our files for Fly.io. It is a stand-in for "fly config validate
// --strict", which asks Fly itself: deploy/smoke/fly.sh runs that.
package fly

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
)

// known are the keys of the sections that our files have, after the reference of fly.toml
// (fly.io/docs/reference/configuration) and flyctl's internal/appconfig, read in August 2026.
func known() map[string][]string {
	return map[string][]string{
		"": {
			"app", "primary_region", "kill_signal", "kill_timeout", "swap_size_mb", "console_command", "build", "deploy",
			"env", "processes", "mounts", "http_service", "services", "checks", "files", "restart", "vm", "statics", "metrics",
		},
		"build": {"builder", "args", "buildpacks", "image", "settings", "builtin", "dockerfile", "ignorefile", "build-target"},
		"deploy": {
			"strategy", "max_unavailable", "wait_timeout", "release_command", "release_command_timeout", "release_command_vm",
		},
		"files": {"guest_path", "local_path", "secret_name", "raw_value", "processes"},
		"http_service": {
			"processes", "internal_port", "force_https", "auto_stop_machines", "auto_start_machines", "min_machines_running",
			"concurrency", "http_options", "tls_options", "checks", "machine_checks",
		},
		"http_service.concurrency":  {"type", "soft_limit", "hard_limit"},
		"http_service.http_options": {"compress", "response", "h2_backend", "headers", "idle_timeout"},
		"http_service.checks": {
			"interval", "timeout", "grace_period", "method", "path", "protocol", "tls_skip_verify", "tls_server_name", "headers",
		},
		"vm": {"size", "memory", "cpus", "cpu_kind", "memory_mb", "gpus", "gpu_kind", "kernel_args", "host_dedication_id", "processes"},
	}
}

// unknown are the keys of a file that are in no table. The names under env and processes are the user's own.
func unknown(t *testing.T, text string) (paths []string) {
	t.Helper()
	meta, err := toml.Decode(text, new(map[string]any))
	if err != nil {
		t.Fatal(err)
	}
	sections := known()
	for _, key := range meta.Keys() {
		section := strings.Join(key[:len(key)-1], ".")
		if section == "env" || section == "processes" {
			continue
		}
		if !slices.Contains(sections[section], key[len(key)-1]) {
			paths = append(paths, key.String())
		}
	}
	return paths
}

func TestStandInForFlyConfigValidate(t *testing.T) {
	for _, file := range []string{"../../../fly.toml", "../../fly/worker.toml"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if paths := unknown(t, string(text)); len(paths) > 0 {
			t.Errorf("%s: unknown: %v", file, paths)
		}
		broken := strings.Replace(string(text), "primary_region", "primary_regoin", 1)
		if paths := unknown(t, broken); !slices.Equal(paths, []string{"primary_regoin"}) {
			t.Errorf("%s: of a misspelt key is said %v", file, paths)
		}
	}
	if paths := unknown(t, "[http_service.concurrency]\nsoft_limt = 1\n[[vm]]\nmemroy = '1gb'"); len(paths) != 2 {
		t.Errorf("of two misspelt keys is said %v", paths)
	}
}

// TestWorkersAreTheControllers sees that "fly deploy" of the workers' app would make no machine with a service.
func TestWorkersAreTheControllers(t *testing.T) {
	var file map[string]any
	if _, err := toml.DecodeFile("../../fly/worker.toml", &file); err != nil {
		t.Fatal(err)
	}
	for _, section := range []string{"processes", "http_service", "services", "vm"} {
		if _, there := file[section]; there {
			t.Errorf("the app of the workers has %s, which is for the controller to say", section)
		}
	}
}
