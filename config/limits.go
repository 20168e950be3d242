package config

// NoLimit is what a limit is that was switched off.
const NoLimit = -1

// Limits is what one owner, and one address, may have at a time. Zero means the default.
type Limits struct {
	TasksPerSecond int   // submitted to one API replica
	OpenTasks      int   // that have not ended
	Streams        int   // open at one API replica
	Bytes          int64 // that all its tasks take

	ConnectionsPerAddress int // of clients to one API replica
}

// maxLimit is so high that it is none.
const maxLimit = 1_000_000

func limitsShape() shape[Limits] {
	type l = Limits
	return object(
		field("tasksPerSecond", "How many tasks an owner may submit to one API replica.", orNone(whole(1, maxLimit)),
			func(l *l) *int { return &l.TasksPerSecond }).otherwiseNumber(50),
		field("openTasks", "How many tasks of an owner may not have ended.", orNone(whole(1, maxLimit)),
			func(l *l) *int { return &l.OpenTasks }).otherwiseNumber(10_000),
		field("streams", "How many streams an owner may have open at one API replica.", orNone(whole(1, maxLimit)),
			func(l *l) *int { return &l.Streams }).otherwiseNumber(100),
		field("bytes", "How much all the tasks of an owner may take that are kept.", orNone(size()),
			func(l *l) *int64 { return &l.Bytes }).otherwise("1GiB"),
		field("connectionsPerAddress", "How many connections one address may have open to one API replica.", orNone(whole(1, maxLimit)),
			func(l *l) *int { return &l.ConnectionsPerAddress }).otherwiseNumber(1000),
	)
}

// orNone is also the word none.
func orNone[T ~int | ~int64](limit shape[T]) shape[T] {
	schema := map[string]any{"anyOf": []any{limit.schema, map[string]any{"const": "none"}}}
	return shape[T]{schema, func(r *reader, at place, n *node, into *T) {
		if n.nodeType == textNode && n.text == "none" {
			*into = NoLimit
			return
		}
		limit.read(r, at, n, into)
	}}
}
