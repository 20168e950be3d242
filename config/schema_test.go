package config_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"freshet/config"
)

func editorSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(config.Schema()))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("schema:///freshet", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("schema:///freshet")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func asJSON(t *testing.T, source []byte) any {
	t.Helper()
	converted, err := yaml.YAMLToJSON(source)
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(converted))
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// The editor and the reader must say the same of a file.
func TestSchemaAgreesWithTheReader(t *testing.T) {
	t.Parallel()
	schema := editorSchema(t)
	if err := schema.Validate(asJSON(t, read(t, "full.yaml"))); err != nil {
		t.Errorf("the sample is refused: %v", err)
	}
	for _, source := range []string{
		"kind: []", "kinds: [{name: a}]", "kinds: [{name: A, command: [x]}]", "kinds: [{name: a, command: x}]",
		"kinds: [{name: a, command: [x], timeout: 5}]", "kinds: [{name: a, command: [x], memory: 5G}]",
		"kinds: [{name: a, command: [x], http: {url: 'http://a/b'}}]", "kinds: [{name: a}]", "kinds: [{name: a, http: {}}]",
		"kinds: [{name: a, http: {url: 'http://a/b'}, grace: 1s}]", "kinds: [{name: a, command: [x], http: {url: 'http://a/b'}, cwd: a}]",
		"kinds: [{name: a, http: {url: 'http://a/b', timeout: 5}}]", "kinds: [{name: a, command: [x], retry: {maxAttempts: 0}}]",
		"kinds: [{name: a, command: [x], sandbox: yes}]", "kinds: [{name: a, command: [x], sandbox: {network: 443}}]",
		"kinds: [{name: a, command: [x], sandbox: {network: []}}]", "kinds: [{name: a, command: [x], sandbox: {network: [70000]}}]",
		"kinds: [{name: a, http: {url: 'http://a/b'}, sandbox: true}]",
		"kinds: [{name: a, command: [x], env: {1A: x}}]", "pools: {a: {provider: fly}}", "pools: {A: {}}", "retention: {tasks: 30}",
		"server: {publicUrl: x}", "schedules: [{name: a, cron: 5, kind: a}]", "schedules: [{name: a, kind: a}]",
		"schedules: [{name: a, cron: '@daily', kind: a, missed: never}]", "kinds: [{name: a, command: [x], input: 5}]",
		"pools: {a: {allowRootChildren: 1}}", "pools: {a: {childUser: 'a b'}}", "kinds: [{name: a, command: [x], showEnv: x}]",
		"pools: {a: {provider: fly, app: a}}", "pools: {a: {provider: fly, app: a, image: b, job: c}}", "pools: {a: {app: a}}",
		"pools: {a: {provider: cloudrun, project: acme-1, location: europe-west1}}", "pools: {a: {provider: none, budget: {unitHoursPerDay: 1}}}", "pools: {a: {provider: none, startsPerMinute: 1}}",
		"pools: {a: {provider: fly, app: a, image: b, regions: [tokyo]}}", "pools: {a: {budget: {}}}", "pools: {a: {budget: {unitHoursPerDay: 0}}}",
		"server: {limits: {streams: never}}", "server: {limits: {bytes: 5}}",
		"kinds: [{name: a, command: [x], processes: 0}]", "kinds: [{name: a, command: [x], disk: lots}]",
		"kinds: [{name: a, http: {url: 'http://a/b'}, processes: 9}]", "server: {limits: {connectionsPerAddress: 0}}",
	} {
		if schema.Validate(asJSON(t, []byte(source))) == nil {
			t.Errorf("the schema lets in %s", source)
		}
		if refusals(t, source) == "" {
			t.Errorf("the reader lets in %s", source)
		}
	}
}

// Every default in the schema, written out, changes nothing.
func TestSchemaDefaultsAreTheReaders(t *testing.T) {
	t.Parallel()
	var schema struct {
		Properties struct {
			Kinds struct {
				Items struct {
					Properties map[string]struct{ Default any }
				}
			}
			Pools struct {
				AdditionalProperties struct {
					Properties map[string]struct{ Default any }
				}
			}
		}
	}
	if err := json.Unmarshal(config.Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	written := map[string]any{"name": "a", "command": []string{"x"}}
	for name, property := range schema.Properties.Kinds.Items.Properties {
		if property.Default != nil {
			written[name] = property.Default
		}
	}
	pool := map[string]any{}
	for name, property := range schema.Properties.Pools.AdditionalProperties.Properties {
		if property.Default != nil {
			pool[name] = property.Default
		}
	}
	if len(written) < 6 || len(pool) != 8 {
		t.Fatalf("defaults are missing: %v, %v", written, pool)
	}
	source, err := json.Marshal(map[string]any{"kinds": []any{written}, "pools": map[string]any{"default": pool}})
	if err != nil {
		t.Fatal(err)
	}
	explicit, implicit := parse(t, string(source)), parse(t, "kinds: [{name: a, command: [x]}]")
	left, err := explicit.Kinds[0].Hash()
	if err != nil {
		t.Fatal(err)
	}
	right, err := implicit.Kinds[0].Hash()
	if err != nil {
		t.Fatal(err)
	}
	if left != right || !reflect.DeepEqual(explicit.Pools[0], implicit.Pools[0]) {
		t.Errorf("got %+v and %+v", explicit, implicit)
	}
}

func TestEverySchemaKeyIsDescribed(t *testing.T) {
	t.Parallel()
	var walk func(path string, schema map[string]any)
	walk = func(path string, schema map[string]any) {
		properties, _ := schema["properties"].(map[string]any)
		for name, property := range properties {
			child := property.(map[string]any)
			if description, _ := child["description"].(string); !strings.HasSuffix(description, ".") {
				t.Errorf("%s/%s has no description", path, name)
			}
			walk(path+"/"+name, child)
		}
		for _, below := range []string{"items", "additionalProperties"} {
			if child, ok := schema[below].(map[string]any); ok {
				walk(path, child)
			}
		}
	}
	var schema map[string]any
	if err := json.Unmarshal(config.Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	walk("", schema)
}
