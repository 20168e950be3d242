// Package tree finds and kills the descendants of a process.
//
// There is no system call for "this process and all it ever forked": a process group is left by
// setsid, a parent is left by a double fork. So the caller is a child subreaper: what loses its parent
// becomes the caller's own child, and the walk from the caller meets everything.
//
// A walk is not a snapshot. Processes fork, die and move while it looks, so one walk proves nothing;
// the proof that nothing is left is that wait4 answers ECHILD. The caller walks again until it does.
// Each process is killed right after its children are read, before the walk goes on below it: a chain
// of processes that fork and exit, each living a fraction of a millisecond, is caught so, and a walk
// over the whole of /proc first would always come too late.
//
// Elsewhere than on Linux there is neither a subreaper nor /proc: nothing is found, and only process
// groups are killed.
//
// The package imports the standard library alone, because the shim does.
package tree
