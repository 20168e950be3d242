// Package kubernetes decodes our manifests into Kubernetes' own types, and into KEDA's own schema, with no
// patience for what these do not know.
package kubernetes

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// decode reads one document into what it says it is.
func decode(document string, keda *jsonschema.Schema) (any, error) {
	var kind struct{ APIVersion, Kind string }
	if err := yaml.Unmarshal([]byte(document), &kind); err != nil {
		return nil, err
	}
	var into any
	switch kind.APIVersion + " " + kind.Kind {
	case "apps/v1 Deployment":
		into = new(appsv1.Deployment)
	case "batch/v1 Job":
		into = new(batchv1.Job)
	case "v1 Service":
		into = new(corev1.Service)
	case "v1 Secret":
		into = new(corev1.Secret)
	case "keda.sh/v1alpha1 ScaledJob":
		var value any
		if err := yaml.UnmarshalStrict([]byte(document), &value); err != nil {
			return nil, err
		}
		return value, keda.Validate(value)
	default:
		return nil, fmt.Errorf("%s %s is in no table", kind.APIVersion, kind.Kind)
	}
	return into, yaml.UnmarshalStrict([]byte(document), into)
}

func documents(t *testing.T) map[string][]string {
	t.Helper()
	files, err := filepath.Glob("../../kubernetes/*.yaml")
	if err != nil || len(files) < 4 {
		t.Fatalf("manifests: %v, %v", files, err)
	}
	all := map[string][]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all[filepath.Base(file)] = strings.Split(string(text), "\n---\n")
	}
	return all
}

func TestManifests(t *testing.T) {
	keda := scaledJob(t)
	for file, texts := range documents(t) {
		for _, text := range texts {
			value, err := decode(text, keda)
			if err != nil {
				t.Errorf("%s: %v", file, err)
			}
			if deployment, is := value.(*appsv1.Deployment); is {
				checkDeployment(t, deployment)
			}
		}
	}
}

// checkDeployment looks at what a schema does not say.
func checkDeployment(t *testing.T, deployment *appsv1.Deployment) {
	t.Helper()
	for key, value := range deployment.Spec.Selector.MatchLabels {
		if deployment.Spec.Template.Labels[key] != value {
			t.Errorf("the pods lack the label %s that they are selected by", key)
		}
	}
	api := deployment.Spec.Template.Spec.Containers[0]
	if path := api.LivenessProbe.HTTPGet.Path; path != "/healthz" {
		t.Errorf("alive is %s", path)
	}
	if path := api.ReadinessProbe.HTTPGet.Path; path != "/readyz" {
		t.Errorf("ready is %s", path)
	}
}

// TestMistakesAreFound misspells and mistypes keys of each kind of document, at several depths.
func TestMistakesAreFound(t *testing.T) {
	keda, all := scaledJob(t), documents(t)
	for _, mistake := range []struct{ file, right, wrong string }{
		{"api.yaml", "replicas: 2", "replica: 2"},
		{"api.yaml", "replicas: 2", "replicas: two"},
		{"api.yaml", "path: /healthz", "paht: /healthz"},
		{"api.yaml", "targetPort: http", "target: http"},
		{"migrate.yaml", "backoffLimit: 6", "backofLimit: 6"},
		{"secret.yaml", "stringData:", "stringdatum:"},
		{"worker.yaml", "pollingInterval: 5", "poolingInterval: 5"},
		{"worker.yaml", "maxReplicaCount: 20", "maxReplicaCount: twenty"},
		{"worker.yaml", "strategy: gradual", "strategie: gradual"},
		{"worker.yaml", "type: postgresql", "tpye: postgresql"},
		{"worker.yaml", `targetQueryValue: "4"`, "targetQueryValue: 4"},
		{"worker.yaml", "backoffLimit: 0", "backoffLimits: 0"},
		{"worker.yaml", "restartPolicy: Never", "restartPolice: Never"},
		{"worker.yaml", "terminationGracePeriodSeconds: 3600", "terminationGracePeriodSeconds: 1h"},
	} {
		found := false
		for _, text := range all[mistake.file] {
			if !strings.Contains(text, mistake.right) {
				continue
			}
			found = true
			if _, err := decode(strings.Replace(text, mistake.right, mistake.wrong, 1), keda); err == nil {
				t.Errorf("%s: accepted: %s", mistake.file, mistake.wrong)
			}
		}
		if !found {
			t.Errorf("%s: %q is not in it", mistake.file, mistake.right)
		}
	}
}
