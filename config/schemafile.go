package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"path"
)

// readSchema reads the JSON Schema in the file that a node names. Whether it is a schema at all, the
// compiling of the kind tells.
func (r *reader) readSchema(at place, n *node) json.RawMessage {
	name := path.Clean(n.text)
	if !fs.ValidPath(name) || r.folder == nil {
		r.fail(at, n, "%s must be a file inside the folder of freshet.yaml", quote(n.text))
		return nil
	}
	raw, err := readFile(r.folder, name)
	if system, ok := errors.AsType[*fs.PathError](err); ok {
		err = system.Err
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		r.fail(at, n, "there is no file %s", n.text)
		return nil
	case err != nil:
		r.fail(at, n, "%s cannot be read: %v", n.text, err)
		return nil
	case len(bytes.TrimSpace(raw)) == 0:
		r.fail(at, n, "%s is empty", n.text)
		return nil
	}
	if extension := path.Ext(name); extension == ".yaml" || extension == ".yml" {
		return r.schemaFromYAML(at, n, raw)
	}
	var compact bytes.Buffer
	if json.Compact(&compact, raw) != nil {
		return raw
	}
	return compact.Bytes()
}

func (r *reader) schemaFromYAML(at place, n *node, raw []byte) json.RawMessage {
	inside := &reader{file: n.text}
	root := inside.parseYAML(raw)
	for _, problem := range inside.problems {
		r.fail(at, n, "%v", problem)
	}
	if len(inside.problems) > 0 {
		return nil
	}
	return root.appendJSON(nil)
}
