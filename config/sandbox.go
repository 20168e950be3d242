package config

import (
	"regexp"

	"freshet/jobs"
)

// sandboxShape is true, for the defaults, false, for none, or what is to be open besides.
func sandboxShape() shape[*jobs.Sandbox] {
	type s = jobs.Sandbox
	path := matching(regexp.MustCompile(`.`), "a file or folder", "./out")
	content := object(
		field("read", "Files and folders that it may read, besides the system's and its own.", list(path), func(s *s) *[]string { return &s.Read }),
		field("write", "Files and folders that it may change, besides its workspace.", list(path), func(s *s) *[]string { return &s.Write }),
		field("network", "What it may connect to: any, none, or a list of TCP ports.", networkShape(), func(s *s) *[]int { return &s.Ports }).otherwise("any"),
	)
	schema := map[string]any{"anyOf": []any{map[string]any{"type": "boolean"}, content.schema}}
	return shape[*jobs.Sandbox]{schema, func(r *reader, at place, n *node, into **jobs.Sandbox) {
		switch {
		case n.nodeType == booleanNode && n.text == "false":
		case n.nodeType == booleanNode:
			*into = &jobs.Sandbox{}
		case r.is(mappingNode, "true, false, or a mapping of read, write and network", at, n):
			*into = &jobs.Sandbox{}
			content.read(r, at, n, *into)
		}
	}}
}

func networkShape() shape[[]int] {
	const maxPort = 65_535
	word, ports := choice("any", "none"), list(whole(1, maxPort))
	ports.schema["minItems"] = 1
	schema := map[string]any{"anyOf": []any{word.schema, ports.schema}}
	return shape[[]int]{schema, func(r *reader, at place, n *node, into *[]int) {
		var chosen string
		switch {
		case n.nodeType == textNode:
			if word.read(r, at, n, &chosen); chosen == "none" {
				*into = []int{}
			}
		case !r.is(listNode, "any, none, or a list of ports", at, n):
		case len(n.items) == 0:
			r.fail(at, n, "has no ports; write none to close the network")
		default:
			ports.read(r, at, n, into)
		}
	}}
}
