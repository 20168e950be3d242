package kubernetes

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"sigs.k8s.io/yaml"
)

const (
	keda = "github.com/kedacore/keda/v2@v2.21.0"
	// kedaFile is the definition of a ScaledJob in it, and kedaSum what the file's SHA-256 is. KEDA's types
	// as Go packages would bring some hundred modules along, and a minute of compiling.
	kedaFile = "config/crd/bases/keda.sh_scaledjobs.yaml"
	kedaSum  = "917ad920607b67f1eb18a7101e74d0a1643883d9f4d4a0b4fb4f78bbb1bc517f"
)

// scaledJob is KEDA's own schema of a ScaledJob, the template of its pods included.
func scaledJob(t *testing.T) *jsonschema.Schema {
	t.Helper()
	output, err := exec.Command("go", "mod", "download", "-json", keda).Output()
	if err != nil {
		t.Fatal(err)
	}
	var module struct{ Dir string }
	if err := json.Unmarshal(output, &module); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(module.Dir, kedaFile))
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(text); hex.EncodeToString(sum[:]) != kedaSum {
		t.Fatalf("%s is %x", kedaFile, sum)
	}
	var definition struct {
		Spec struct {
			Versions []struct {
				Name   string
				Schema struct{ OpenAPIV3Schema any }
			}
		}
	}
	if err := yaml.Unmarshal(text, &definition); err != nil {
		t.Fatal(err)
	}
	if versions := definition.Spec.Versions; len(versions) != 1 || versions[0].Name != "v1alpha1" {
		t.Fatalf("%s defines %d versions", kedaFile, len(versions))
	}
	schema := definition.Spec.Versions[0].Schema.OpenAPIV3Schema
	forbidUnknown(schema)
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("scaledjob.json", schema); err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler.Compile("scaledjob.json")
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

// forbidUnknown makes a schema refuse what it does not name, which Kubernetes would drop in silence.
func forbidUnknown(schema any) {
	switch schema := schema.(type) {
	case []any:
		for _, item := range schema {
			forbidUnknown(item)
		}
	case map[string]any:
		_, named := schema["properties"].(map[string]any)
		if _, said := schema["additionalProperties"]; named && !said && schema["type"] == "object" &&
			schema["x-kubernetes-preserve-unknown-fields"] == nil {
			schema["additionalProperties"] = false
		}
		for _, value := range schema {
			forbidUnknown(value)
		}
	}
}
