package config

import (
	"regexp"
	"strconv"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// converter makes nodes of the YAML library's syntax tree.
type converter struct {
	*reader
	anchors map[string]*node // so far, as YAML wants it: an alias needs an anchor before it
}

// convert makes a node; what is refused becomes a refusedNode.
func (c *converter) convert(source ast.Node, depth int) *node {
	if source == nil {
		return &node{nodeType: nullNode, text: "null", size: 1}
	}
	if depth > maxDepth {
		return c.refuse(source, "is nested deeper than 64 levels")
	}
	switch source := source.(type) {
	case *ast.MappingNode:
		return c.convertMapping(nodeAt(mappingNode, source), source.Values, depth)
	case *ast.MappingValueNode:
		return c.convertMapping(nodeAt(mappingNode, source), []*ast.MappingValueNode{source}, depth)
	case *ast.SequenceNode:
		return c.convertSequence(source, depth)
	case *ast.AnchorNode:
		value := c.convert(source.Value, depth+1)
		c.anchors[source.Name.GetToken().Value] = value
		return value
	case *ast.AliasNode:
		name := source.Value.GetToken().Value
		if value := c.anchors[name]; value != nil {
			return value
		}
		return c.refuse(source, "there is no anchor &"+name+" before the alias *"+name)
	case *ast.TagNode:
		return c.refuse(source, "tags such as "+source.GetToken().Value+" are not used here; quote text to make it text")
	default:
		return c.convertScalar(source)
	}
}

func (c *converter) convertScalar(source ast.Node) *node {
	kind, written := nullNode, "null"
	switch source := source.(type) {
	case *ast.StringNode:
		kind, written = textNode, source.Value
	case *ast.LiteralNode:
		kind, written = textNode, source.Value.Value
	case *ast.IntegerNode:
		kind, written = integerNode, source.GetToken().Value
	case *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		kind, written = numberNode, source.GetToken().Value
	case *ast.BoolNode:
		kind, written = booleanNode, strconv.FormatBool(source.Value)
	case *ast.NullNode:
	default:
		return c.refuse(source, "is not understood")
	}
	if (kind == integerNode || kind == numberNode) && !plainNumber.MatchString(written) {
		return c.refuse(source, written+" is not a plain decimal number; quote it to make it text")
	}
	scalar := nodeAt(kind, source)
	scalar.text = written
	return scalar
}

// plainNumber is how JSON writes numbers. YAML has more ways, and its versions read them differently.
var plainNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)

func (c *converter) convertSequence(source *ast.SequenceNode, depth int) *node {
	list := nodeAt(listNode, source)
	for _, item := range source.Values {
		value := c.convert(item, depth+1)
		if !c.grow(list, value) {
			break
		}
		list.items = append(list.items, value)
	}
	return list
}

// convertMapping takes keys in the order of the file; what comes by a merge stands behind and gives way.
func (c *converter) convertMapping(object *node, values []*ast.MappingValueNode, depth int) *node {
	known := map[string]bool{}
	var merged []*node
	for _, value := range values {
		if value.Key.IsMergeKey() {
			merged = append(merged, c.mergeSources(value, depth)...)
			continue
		}
		key := c.convertKey(value.Key)
		if key == nil {
			continue
		}
		if known[key.text] {
			c.fail(place{}, key, "the key %q stands twice here; remove one", key.text)
			continue
		}
		known[key.text] = true
		child := c.convert(value.Value, depth+1)
		if !c.grow(object, child) {
			return object
		}
		object.pairs = append(object.pairs, pair{key, child})
	}
	for _, source := range merged {
		for _, pair := range source.pairs {
			if known[pair.key.text] {
				continue
			}
			known[pair.key.text] = true
			if !c.grow(object, pair.value) {
				return object
			}
			object.pairs = append(object.pairs, pair)
		}
	}
	return object
}

// mergeSources gives the mappings that a "<<" names.
func (c *converter) mergeSources(value *ast.MappingValueNode, depth int) []*node {
	source := c.convert(value.Value, depth+1)
	sources := []*node{source}
	if source.nodeType == listNode {
		sources = source.items
	}
	for _, one := range sources {
		if one.nodeType != mappingNode {
			c.fail(place{}, nodeAt(textNode, value.Key), "only mappings can be merged by <<")
			return nil
		}
	}
	return sources
}

// convertKey gives a key as text, nil when it cannot be one.
func (c *converter) convertKey(key ast.MapKeyNode) *node {
	scalar := nodeAt(textNode, key)
	switch key := key.(type) {
	case *ast.StringNode:
		scalar.text = key.Value
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		scalar.text = key.GetToken().Value
	default:
		c.fail(place{}, scalar, "a key must be plain text, as in key: value")
		return nil
	}
	return scalar
}

// grow counts a child in, and refuses trees that aliases have blown up.
func (c *converter) grow(parent, child *node) bool {
	parent.size += child.size
	if parent.size > maxNodes {
		c.fail(place{}, parent, "becomes too large when its aliases are resolved")
		*parent = node{line: parent.line, column: parent.column, size: 1}
		return false
	}
	return true
}

func (c *converter) refuse(source ast.Node, reason string) *node {
	refused := nodeAt(refusedNode, source)
	c.fail(place{}, refused, "%s", reason)
	return refused
}

// nodeAt makes a node that stands where a piece of the syntax tree begins.
func nodeAt(kind nodeType, source ast.Node) *node {
	var start *token.Token
	switch source := source.(type) {
	case *ast.MappingNode:
		start = source.Start
		if !source.IsFlowStyle && len(source.Values) > 0 {
			start = source.Values[0].Key.GetToken()
		}
	case *ast.MappingValueNode:
		start = source.Key.GetToken()
	default:
		start = source.GetToken()
	}
	made := &node{nodeType: kind, size: 1}
	if start != nil && start.Position != nil {
		made.line, made.column = start.Position.Line, start.Position.Column
	}
	return made
}
