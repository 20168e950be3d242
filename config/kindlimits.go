package config

// kindLimits are the keys of a kind that bound what one attempt of a command may take.
func kindLimits() []key[entry] {
	type e = entry
	return []key[entry]{
		field("memory", "How much memory the command and its descendants may take.", size(), func(k *e) *int64 { return &k.Memory }),
		field("processes", "How many processes the command and its descendants may be at once, each thread counted.",
			orUnlimited(whole(1, maxLimit)), func(k *e) *int { return &k.Processes }).otherwiseNumber(1024),
		field("openFiles", "How many files each process may have open.",
			orUnlimited(whole(64, maxLimit)), func(k *e) *int { return &k.OpenFiles }).otherwiseNumber(4096),
		field("disk", "How much the workspace of an attempt may hold.", orUnlimited(size()), func(k *e) *int64 { return &k.Disk }).otherwise("10GiB"),
		field("files", "How many files and folders the workspace of an attempt may hold.",
			orUnlimited(whole(10, 100*maxLimit)), func(k *e) *int { return &k.Files }).otherwiseNumber(250_000),
	}
}

// orUnlimited is also the word none, which is the zero of a kind's limits.
func orUnlimited[T ~int | ~int64](limit shape[T]) shape[T] {
	return orNone(limit).then(func(_ *reader, _ place, _ *node, value *T) { *value = max(*value, 0) })
}
