package config

import (
	"encoding/json"
	"strconv"
)

// nodeType says what a node is.
type nodeType string

// The types of nodes, as messages name them.
const (
	mappingNode nodeType = "a mapping"
	listNode    nodeType = "a list"
	textNode    nodeType = "text"
	integerNode nodeType = "an integer"
	numberNode  nodeType = "a number"
	booleanNode nodeType = "a boolean"
	nullNode    nodeType = "nothing"
	refusedNode nodeType = "" // what it was is among the problems already
)

// node is a value of the file, freed of everything that is YAML's own: aliases and merges are resolved.
// Nodes that an alias stands for are shared, so the tree may be larger than its memory.
type node struct {
	nodeType
	line, column int
	text         string  // of a scalar; of text its value, else as JSON writes it
	pairs        []pair  // of a mapping, keys unique
	items        []*node // of a sequence
	size         int     // nodes in the tree below, this one included
}

// pair is a key and its value.
type pair struct {
	key   *node // text
	value *node
}

// get gives the value of a mapping's key, nil when there is none.
func (n *node) get(name string) *node {
	for _, pair := range n.pairs {
		if pair.key.text == name {
			return pair.value
		}
	}
	return nil
}

// nearest gives the value of a mapping's key, or the mapping when the key is absent, to point at.
func (n *node) nearest(name string) *node {
	if value := n.get(name); value != nil {
		return value
	}
	return n
}

// follow walks down by the tokens of a JSON pointer as far as the tree goes.
func (n *node) follow(at place, tokens []string) (place, *node, []string) {
	for len(tokens) > 0 {
		var next *node
		below := at.key(tokens[0])
		if i, err := strconv.Atoi(tokens[0]); err == nil && n.nodeType == listNode && i < len(n.items) {
			next, below = n.items[i], at.item(i)
		} else if n.nodeType == mappingNode {
			next = n.get(tokens[0])
		}
		if next == nil {
			break
		}
		at, n, tokens = below, next, tokens[1:]
	}
	return at, n, tokens
}

// appendJSON writes a node as JSON, keys in the order of the file.
func (n *node) appendJSON(out []byte) []byte {
	switch n.nodeType {
	case mappingNode:
		out = append(out, '{')
		for i, pair := range n.pairs {
			if i > 0 {
				out = append(out, ',')
			}
			out = append(appendString(out, pair.key.text), ':')
			out = pair.value.appendJSON(out)
		}
		return append(out, '}')
	case listNode:
		out = append(out, '[')
		for i, item := range n.items {
			if i > 0 {
				out = append(out, ',')
			}
			out = item.appendJSON(out)
		}
		return append(out, ']')
	case textNode:
		return appendString(out, n.text)
	case refusedNode:
		return append(out, "null"...)
	default:
		return append(out, n.text...)
	}
}

func appendString(out []byte, text string) []byte {
	quoted, err := json.Marshal(text)
	if err != nil {
		panic(err) // no string fails
	}
	return append(out, quoted...)
}
