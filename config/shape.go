package config

import (
	"fmt"
	"maps"
	"regexp"

	"freshet/jobs/document"
)

// shape says what one value of the file looks like: how it is read into a T, and how an editor's JSON
// Schema describes it. Reading goes on after a problem, so that all of them are found.
type shape[T any] struct {
	schema map[string]any
	read   func(r *reader, at place, n *node, into *T)
}

// then adds a check to a shape, run when nothing was wrong with the value so far.
func (s shape[T]) then(check func(r *reader, at place, n *node, value *T)) shape[T] {
	return shape[T]{s.schema, func(r *reader, at place, n *node, into *T) {
		before := len(r.problems)
		s.read(r, at, n, into)
		if len(r.problems) == before {
			check(r, at, n, into)
		}
	}}
}

// is tells whether a node has the type that a shape wants, and reports it if not.
func (r *reader) is(want nodeType, expected string, at place, n *node) bool {
	switch n.nodeType {
	case want:
		return true
	case refusedNode:
	case nullNode:
		r.fail(at, n, "has no value; it must be %s, or the key be removed", expected)
	case integerNode, numberNode, booleanNode:
		if want == textNode {
			r.fail(at, n, "must be %s, not %s; write \"%s\" in quotes", expected, n.nodeType, n.text)
			return false
		}
		fallthrough
	default:
		r.fail(at, n, "must be %s, not %s", expected, n.nodeType)
	}
	return false
}

// key is one key of an object that is read into a T.
type key[T any] struct {
	name     string
	schema   map[string]any
	read     func(r *reader, at place, n *node, into *T)
	required bool
	fallback *node // read when the key is absent; nil: then nothing is
}

// field is a key whose value has a shape and goes where target says.
func field[T, V any](name, meaning string, value shape[V], target func(*T) *V) key[T] {
	schema := maps.Clone(value.schema)
	schema["description"] = meaning
	return key[T]{name: name, schema: schema, read: func(r *reader, at place, n *node, into *T) {
		value.read(r, at, n, target(into))
	}}
}

// must makes a key required.
func (k key[T]) must() key[T] {
	k.required = true
	return k
}

// otherwise gives the text that an absent key is read as.
func (k key[T]) otherwise(written string) key[T] {
	k.fallback = &node{nodeType: textNode, text: written}
	k.schema["default"] = written
	return k
}

// otherwiseNumber gives the number that an absent key is read as.
func (k key[T]) otherwiseNumber(value float64) key[T] {
	k.fallback = &node{nodeType: integerNode, text: fmt.Sprint(value)}
	if value != float64(int(value)) {
		k.fallback.nodeType = numberNode
	}
	k.schema["default"] = value
	return k
}

// otherwiseNot reads an absent key as false.
func (k key[T]) otherwiseNot() key[T] {
	k.fallback = &node{nodeType: booleanNode, text: "false"}
	k.schema["default"] = false
	return k
}

// otherwiseEmpty reads an absent key as an empty mapping, for the defaults inside.
func (k key[T]) otherwiseEmpty() key[T] {
	k.fallback = &node{nodeType: mappingNode}
	return k
}

// object is a mapping whose keys are known. A key that a later version brings is refused as such.
func object[T any](keys ...key[T]) shape[T] {
	properties, names, required := map[string]any{}, []string{}, []string{}
	for _, key := range keys {
		properties[key.name] = key.schema
		names = append(names, key.name)
		if key.required {
			required = append(required, key.name)
		}
	}
	schema := map[string]any{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		schema["required"] = required
	}
	return shape[T]{schema, func(r *reader, at place, n *node, into *T) {
		if !r.is(mappingNode, "a mapping of keys to values", at, n) {
			return
		}
		complete := r.refuseUnknown(at, n, names)
		for _, key := range keys {
			value := n.get(key.name)
			switch {
			case value != nil:
				key.read(r, at.key(key.name), value, into)
			case key.required && complete:
				r.fail(at.key(key.name), n, "is missing")
			case key.fallback != nil:
				key.read(r, at.key(key.name), key.fallback, into)
			}
		}
	}}
}

// refuseUnknown reports the keys that an object does not have. It tells whether the file can be expected
// to have the required ones: not when a key of a later version may stand for them.
func (r *reader) refuseUnknown(at place, n *node, names []string) (complete bool) {
	known := map[string]bool{}
	for _, name := range names {
		known[name] = true
	}
	complete = true
	for _, pair := range n.pairs {
		below := at.key(pair.key.text)
		switch {
		case known[pair.key.text]:
		case later(below.pattern):
			complete = false
			r.fail(below, pair.key, "not supported yet by this version")
		default:
			r.fail(below, pair.key, "unknown key%s", document.Suggestion(pair.key.text, names))
		}
	}
	return complete
}

// list is a sequence of values of one shape.
func list[T any](item shape[T]) shape[[]T] {
	schema := map[string]any{"type": "array", "items": item.schema}
	return shape[[]T]{schema, func(r *reader, at place, n *node, into *[]T) {
		if !r.is(listNode, "a list", at, n) {
			return
		}
		for i, child := range n.items {
			var value T
			item.read(r, at.item(i), child, &value)
			*into = append(*into, value)
		}
	}}
}

// dictionary is a mapping whose keys are names that the user chooses; put takes each of them.
func dictionary[T, V any](pattern *regexp.Regexp, name string, value shape[V], put func(*T, string, V)) shape[T] {
	schema := map[string]any{
		"type": "object", "additionalProperties": value.schema,
		"propertyNames": map[string]any{"pattern": pattern.String()},
	}
	return shape[T]{schema, func(r *reader, at place, n *node, into *T) {
		if !r.is(mappingNode, "a mapping of names to values", at, n) {
			return
		}
		for _, pair := range n.pairs {
			below := at.named(pair.key.text)
			if !pattern.MatchString(pair.key.text) {
				r.fail(below, pair.key, "is no name of %s", name)
			}
			var read V
			value.read(r, below, pair.value, &read)
			put(into, pair.key.text, read)
		}
	}}
}
