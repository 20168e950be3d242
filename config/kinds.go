package config

import (
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"time"

	"freshet/jobs"
	"freshet/jobs/kind"
)

// entry is a kind as it stands in the file.
type entry struct {
	jobs.Kind
	passEnv []string
	showEnv []string
	at      place // where it stands, for the checks that need the whole file
	node    *node
}

func kindShape() shape[entry] {
	type e = entry
	content := object(append(kindLimits(),
		field("name", "The name that tasks are submitted under.", name(), func(k *e) *string { return &k.Name }).must(),
		field("description", "What it does, for people.", words(), func(k *e) *string { return &k.Description }),
		field("command", "The program and its arguments, without a shell. {{input.x}} stands for a value of the task's input.",
			list(words()), func(k *e) *[]string { return &k.Command }),
		field("http", "A route of your app that does the work, in place of a command.", httpShape(), func(k *e) **jobs.HTTP { return &k.HTTP }),
		field("cwd", "Where it runs: project (the folder of freshet.yaml), workspace (a fresh folder), or a path.",
			matching(regexp.MustCompile(`.`), "a folder", "project"), func(k *e) *string { return &k.Cwd }).otherwise(jobs.CwdProject),
		field("input", "JSON Schema 2020-12 of the input, inline or a file.", jsonSchema(), func(k *e) *json.RawMessage { return &k.Input }),
		field("output", "JSON Schema 2020-12 of the output, inline or a file.", jsonSchema(), func(k *e) *json.RawMessage { return &k.Output }),
		field("env", "Variables of the command. ${VAR} and ${VAR:-x} are resolved by the worker.", envShape(),
			func(k *e) *map[string]string { return &k.Env }),
		field("passEnv", "Variables that the command inherits from the worker.", list(variableName()), func(k *e) *[]string { return &k.passEnv }),
		field("showEnv", "Variables of env and passEnv whose values are no secrets, and stay as they are in logs, events and outputs.",
			list(matching(regexp.MustCompile(kind.VariablePattern), "the name of a variable", "NODE_ENV")), func(k *e) *[]string { return &k.showEnv }),
		field("pool", "The pool whose workers run it.", name(), func(k *e) *string { return &k.Pool }).otherwise(DefaultPool),
		field("timeout", "How long one attempt may take.", duration(time.Millisecond),
			func(k *e) *time.Duration { return &k.Timeout }).otherwise("30m"),
		field("silence", "How long an attempt may go without output or event.", duration(time.Millisecond),
			func(k *e) *time.Duration { return &k.Silence }),
		field("queueTtl", "How long a task may wait for its start; then it fails as expired.", duration(time.Millisecond),
			func(k *e) *time.Duration { return &k.QueueTTL }),
		field("grace", "How long a command has to end after SIGTERM.", duration(0),
			func(k *e) *time.Duration { return &k.Grace }).otherwise("10s"),
		field("sandbox", "What the command and all it starts are confined to.", sandboxShape(), func(k *e) **jobs.Sandbox { return &k.Sandbox }),
		field("retry", "How often and how soon a failed task is tried again.", retryShape(),
			func(k *e) *jobs.Retry { return &k.Retry }).otherwiseEmpty(),
		field("concurrency", "How many of its tasks run at once; without it, as many as there are slots.", concurrencyShape(),
			func(k *e) *jobs.Concurrency { return &k.Concurrency }),
		field("logs", "What is kept of the output.", logsShape(), func(k *e) *int64 { return &k.LogBytes }).otherwiseEmpty(),
	)...).then(checkInheritance).then(checkRoute)
	content.schema["oneOf"] = eitherWay()
	return shape[entry]{content.schema, func(r *reader, at place, n *node, into *entry) {
		content.read(r, at, n, into)
		into.at, into.node = at, n
	}}
}

func retryShape() shape[jobs.Retry] {
	type t = jobs.Retry
	itself := func(t *t) *t { return t }
	backoff := object(
		field("initial", "The wait after the first failure.", duration(0), func(t *t) *time.Duration { return &t.Initial }).otherwise("5s"),
		field("factor", "By how much each wait is longer than the one before.", decimal(1, 100),
			func(t *t) *float64 { return &t.Factor }).otherwiseNumber(2),
		field("max", "The longest wait.", duration(0), func(t *t) *time.Duration { return &t.Max }).otherwise("10m"),
		field("jitter", "The share of a wait by which it varies to either side.", decimal(0, 1),
			func(t *t) *float64 { return &t.Jitter }).otherwiseNumber(0.2),
	).then(func(r *reader, at place, n *node, t *t) {
		if t.Initial > t.Max {
			r.fail(at.key("initial"), n.nearest("initial"), "is %v, more than max, which is %v", t.Initial, t.Max)
		}
	})
	return object(
		field("maxAttempts", "How many attempts a task has, the first included.", whole(1, 100),
			func(t *t) *int { return &t.MaxAttempts }).otherwiseNumber(3),
		field("backoff", "The waits between attempts.", backoff, itself).otherwiseEmpty(),
	)
}

func concurrencyShape() shape[jobs.Concurrency] {
	type c = jobs.Concurrency
	return object(
		field("total", "How many at once.", whole(1, 100_000), func(c *c) *int { return &c.Total }),
		field("perOwner", "How many of one owner at once.", whole(1, 100_000), func(c *c) *int { return &c.PerOwner }),
	)
}

func logsShape() shape[int64] {
	itself := func(n *int64) *int64 { return n }
	return object(
		field("maxBytes", "How much of the output of one attempt is kept.", size(), itself).otherwise("64MiB"),
	)
}

func envShape() shape[map[string]string] {
	return dictionary(regexp.MustCompile(kind.VariablePattern), "a variable", words(),
		func(env *map[string]string, name, value string) {
			if *env == nil {
				*env = map[string]string{}
			}
			(*env)[name] = value
		}).then(func(r *reader, at place, n *node, _ *map[string]string) {
		for _, pair := range n.pairs {
			r.refuseReserved(at.named(pair.key.text), pair.key)
		}
	})
}

func variableName() shape[string] {
	return matching(regexp.MustCompile(kind.VariablePattern), "the name of a variable", "DATABASE_URL").
		then(func(r *reader, at place, n *node, _ *string) { r.refuseReserved(at, n) })
}

// refuseReserved refuses the variables that Freshet itself gives to a command.
func (r *reader) refuseReserved(at place, name *node) {
	if strings.HasPrefix(name.text, "FRESHET_") {
		r.fail(at, name, "%s: variables that begin with FRESHET_ are set by Freshet itself", name.text)
	}
}

// checkInheritance refuses a variable that is both set and inherited.
func checkInheritance(r *reader, at place, n *node, k *entry) {
	for i, name := range k.passEnv {
		if _, set := k.Env[name]; set {
			r.fail(at.key("passEnv").item(i), n.get("passEnv").items[i], "%s stands under env already; remove one of the two", name)
		}
	}
}

// compile checks what only a kind as a whole can tell: its schemas, its command's templates, its name.
func (r *reader) compile(kinds []entry) {
	lines := map[string]int{}
	for _, entry := range kinds {
		if first, taken := lines[entry.Name]; taken && entry.Name != "" {
			r.fail(entry.at.key("name"), entry.node.nearest("name"), "there is another kind %q in line %d", entry.Name, first)
		}
		lines[entry.Name] = entry.node.line
		if entry.node.nodeType == mappingNode {
			r.compileKind(entry)
		}
	}
}

func (r *reader) compileKind(entry entry) {
	if entry.node.get("command") != nil && entry.Command == nil {
		entry.Command = []string{} // there, and empty
	}
	for _, way := range []string{"command", "http", "claude"} {
		if r.failed(entry.at.key(way)) {
			entry.Command, entry.HTTP = []string{"unknown"}, nil // reported already
		}
	}
	_, err := kind.Compile(entry.Kind)
	var invalid *kind.Invalid
	if !errors.As(err, &invalid) {
		return
	}
	for _, problem := range invalid.Problems {
		at, n, rest := entry.node.follow(entry.at, pointerTokens(problem.Pointer))
		message := problem.Message
		if len(rest) > 0 {
			message = "/" + strings.Join(rest, "/") + ": " + message
		}
		if n.nodeType == textNode && (n == entry.node.get("input") || n == entry.node.get("output")) {
			message = n.text + ": " + message
		}
		r.fail(at, n, "%s", message)
	}
}

func pointerTokens(pointer string) []string {
	tokens := strings.Split(pointer, "/")[1:]
	for i, token := range tokens {
		tokens[i] = strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")
	}
	return tokens
}
