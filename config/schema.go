package config

import (
	"encoding/json"
	"maps"
)

// Schema is the JSON Schema 2020-12 of freshet.yaml, for editors. It comes from the same description as
// the reader; what crosses keys, such as a pool that must exist, only the reader checks.
func Schema() []byte {
	schema := maps.Clone(fileShape().schema)
	schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	schema["title"] = "freshet.yaml"
	schema["description"] = "The kinds of tasks of a Freshet, how they run, and the pools of workers that run them."
	text, err := json.MarshalIndent(schema, "", "  ")
	if err != nil {
		panic(err) // maps, strings and numbers always encode
	}
	return append(text, '\n')
}
