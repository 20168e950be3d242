package cloudrun

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	run "google.golang.org/api/run/v1"
)

// decode reads YAML as a type of Google's, where an unknown key is an error.
func decode(source []byte, into any) error {
	document, err := yaml.YAMLToJSON(source)
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	source, err := os.ReadFile("../../cloudrun/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return source
}

func TestWorkerJob(t *testing.T) {
	t.Parallel()
	var got run.Job
	if err := decode(read(t, "worker.yaml"), &got); err != nil {
		t.Fatal(err)
	}
	if got.ApiVersion != "run.googleapis.com/v1" || got.Kind != "Job" {
		t.Errorf("it is %s %s", got.ApiVersion, got.Kind)
	}
	execution := got.Spec.Template.Spec
	task := execution.Template.Spec
	if execution.TaskCount != 1 || task.MaxRetries != 0 || len(task.Containers) != 1 || task.TimeoutSeconds > 7*24*3600 {
		t.Errorf("one execution is not one worker: %+v", task)
	}
	if args := strings.Join(task.Containers[0].Args, " "); !strings.HasPrefix(args, "worker --pool ") || !strings.Contains(args, "--idle-exit") {
		t.Errorf("it runs %q", args)
	}
	// The default is 3, so that a number that is left out is not 0.
	if !strings.Contains(string(read(t, "worker.yaml")), "maxRetries: 0") {
		t.Error("maxRetries is not given")
	}
}

func TestAPIService(t *testing.T) {
	t.Parallel()
	var got run.Service
	if err := decode(read(t, "api.yaml"), &got); err != nil {
		t.Fatal(err)
	}
	if got.ApiVersion != "serving.knative.dev/v1" || got.Kind != "Service" {
		t.Errorf("it is %s %s", got.ApiVersion, got.Kind)
	}
	annotations := got.Spec.Template.Metadata.Annotations
	if annotations["autoscaling.knative.dev/minScale"] != "1" || annotations["run.googleapis.com/cpu-throttling"] != "false" {
		t.Errorf("what starts workers would sleep: %v", annotations)
	}
}

// The check must be able to fail.
func TestMisspeltKeysAreRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		file, right, wrong string
		into               any
	}{
		{"worker.yaml", "maxRetries:", "maxRetry:", &run.Job{}},
		{"worker.yaml", "timeoutSeconds:", "timeout:", &run.Job{}},
		{"worker.yaml", "secretKeyRef:", "secretRef:", &run.Job{}},
		{"api.yaml", "containerConcurrency:", "concurrency:", &run.Service{}},
		{"api.yaml", "mountPath:", "path:", &run.Service{}},
	} {
		source := string(read(t, c.file))
		misspelt := strings.Replace(source, c.right, c.wrong, 1)
		if misspelt == source {
			t.Fatalf("%s has no %s", c.file, c.right)
		}
		if err := decode([]byte(misspelt), c.into); err == nil {
			t.Errorf("%s: %s is taken for %s", c.file, c.wrong, c.right)
		}
	}
}
