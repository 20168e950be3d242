package scaffold

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

const sdkName = "@freshet/sdk"

// What the app needs beside the SDK: tsx runs its tasks, and yaml reads freshet.yaml for the types.
const (
	tsxVersion  = "4.23.15"
	yamlVersion = "2.9.1"
)

// member is one name and value of a JSON object, as they were written.
type member struct {
	name  string
	value jsontext.Value
}

// manifest is a package.json, in its order.
type manifest struct {
	members []member
	indent  string
	newline bool // it ends with one
}

func readManifest(text []byte) (*manifest, error) {
	members, err := readObject(text)
	if err != nil {
		return nil, err
	}
	m := &manifest{members: members, indent: "  ", newline: bytes.HasSuffix(text, []byte("\n"))}
	if _, line, found := strings.Cut(string(text), "\n"); found {
		if indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]; indent != "" {
			m.indent = indent
		}
	}
	return m, nil
}

func readObject(text []byte) ([]member, error) {
	decoder := jsontext.NewDecoder(bytes.NewReader(text))
	if kind := decoder.PeekKind(); kind != '{' {
		return nil, errors.New("it is no JSON object")
	}
	if _, err := decoder.ReadToken(); err != nil {
		return nil, err
	}
	var members []member
	for decoder.PeekKind() == '"' {
		name, err := decoder.ReadToken()
		if err != nil {
			return nil, err
		}
		m := member{name: name.String()}
		value, err := decoder.ReadValue()
		if err != nil {
			return nil, err
		}
		m.value = value.Clone()
		members = append(members, m)
	}
	_, err := decoder.ReadToken()
	return members, err
}

// needs says whether a package is among the dependencies.
func (m *manifest) needs(name string) bool {
	for _, list := range []string{"dependencies", "devDependencies"} {
		var versions map[string]string
		if value := m.get(list); value != nil && json.Unmarshal(value, &versions) == nil {
			if _, found := versions[name]; found {
				return true
			}
		}
	}
	return false
}

func (m *manifest) get(name string) jsontext.Value {
	for _, one := range m.members {
		if one.name == name {
			return one.value
		}
	}
	return nil
}

// withDependencies is the text of the manifest with what the written files need.
func (m *manifest) withDependencies() ([]byte, error) {
	for _, one := range []struct{ list, name, version string }{
		{"dependencies", sdkName, "file:./" + sdkPath},
		{"devDependencies", "tsx", tsxVersion},
		{"devDependencies", "yaml", yamlVersion},
	} {
		if m.needs(one.name) {
			continue // in the version that the app has chosen
		}
		if err := m.add(one.list, one.name, one.version); err != nil {
			return nil, err
		}
	}
	value := writeObject(m.members)
	if err := value.Indent(jsontext.WithIndent(m.indent)); err != nil {
		return nil, err
	}
	if m.newline {
		value = append(value, '\n')
	}
	return value, nil
}

// add puts a package into a list, before the first one that comes after it by name.
func (m *manifest) add(list, name, version string) error {
	at := slices.IndexFunc(m.members, func(one member) bool { return one.name == list })
	if at < 0 {
		at = len(m.members)
		m.members = append(m.members, member{list, jsontext.Value("{}")})
	}
	packages, err := readObject(m.members[at].value)
	if err != nil {
		return fmt.Errorf("%s: %w", list, err)
	}
	next := slices.IndexFunc(packages, func(one member) bool { return one.name > name })
	if next < 0 {
		next = len(packages)
	}
	packages = slices.Insert(packages, next, member{name, quote(version)})
	m.members[at].value = writeObject(packages)
	return nil
}

func writeObject(members []member) jsontext.Value {
	var text bytes.Buffer
	text.WriteByte('{')
	for i, one := range members {
		if i > 0 {
			text.WriteByte(',')
		}
		text.Write(quote(one.name))
		text.WriteByte(':')
		text.Write(one.value)
	}
	text.WriteByte('}')
	return text.Bytes()
}

func quote(text string) jsontext.Value {
	quoted, _ := jsontext.AppendQuote(nil, text) // fails on invalid UTF-8 alone, which the reader refuses
	return quoted
}
