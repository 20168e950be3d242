// Package compose has the library of Docker Compose itself read our compose file.
package compose

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
)

const file = "../../compose.yaml"

func load(t *testing.T, text string, profiles ...string) (*types.Project, error) {
	t.Helper()
	folder, err := filepath.Abs(filepath.Dir(file))
	if err != nil {
		t.Fatal(err)
	}
	details := types.ConfigDetails{
		WorkingDir:  folder,
		ConfigFiles: []types.ConfigFile{{Filename: "compose.yaml", Content: []byte(text)}},
		Environment: types.Mapping{
			"APP": "/acme", "POSTGRES_PASSWORD": "p", "FRESHET_SECRET_KEY": "s", "FRESHET_API_KEY": "k", "RIVERUI_PASSWORD": "r",
		},
	}
	return loader.LoadWithContext(context.Background(), details, loader.WithProfiles(profiles))
}

func text(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestComposeFile(t *testing.T) {
	project, err := load(t, text(t))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := slices.Sorted(maps.Keys(project.Services)), []string{"api", "migrate", "postgres", "worker"}; !slices.Equal(got, want) {
		t.Errorf("without a profile there are %v, want %v", got, want)
	}
	worker := project.Services["worker"]
	if worker.Restart != types.RestartPolicyOnFailure || worker.StopGracePeriod == nil {
		t.Errorf("the worker is restarted %q, with a grace of %v", worker.Restart, worker.StopGracePeriod)
	}
	if _, has := worker.Environment["FRESHET_SECRET_KEY"]; has {
		t.Error("the worker has the secret key")
	}
	for name, service := range project.Services {
		for _, volume := range service.Volumes {
			if strings.Contains(volume.Source, "docker.sock") {
				t.Errorf("%s has the engine's socket", name)
			}
		}
		if service.Build == nil && !strings.Contains(service.Image, ":") && service.Image != "freshet" {
			t.Errorf("the image of %s is not pinned: %s", name, service.Image)
		}
	}
}

func TestRiverUIIsAProfile(t *testing.T) {
	project, err := load(t, text(t), "ops")
	if err != nil {
		t.Fatal(err)
	}
	ui, there := project.Services["riverui"]
	if !there || len(ui.Ports) > 0 {
		t.Fatalf("%+v", ui)
	}
	for key, want := range map[string]string{"RIVER_SCHEMA": "river", "PATH_PREFIX": "/river"} {
		if got := ui.Environment[key]; got == nil || *got != want {
			t.Errorf("%s is %v, want %s", key, got, want)
		}
	}
}

// TestMistakesAreFound sees that the reader is strict.
func TestMistakesAreFound(t *testing.T) {
	for right, wrong := range map[string]string{
		"    restart: on-failure":                               "    restrat: on-failure",
		"stop_grace_period: 7m":                                 "stop_grace_period: seven",
		"migrate: {condition: service_completed_successfully}":  "migrate: {condition: service_completed}",
		"    image: postgres:17.6-bookworm\n    environment:\n": "    image: [postgres]\n    environment:\n",
		"postgres: {condition: service_healthy}":                "postgers: {condition: service_healthy}",
	} {
		broken := strings.Replace(text(t), right, wrong, 1)
		if broken == text(t) {
			t.Errorf("%q is not in the file", right)
		}
		if _, err := load(t, broken); err == nil {
			t.Errorf("accepted: %q", wrong)
		}
	}
}
