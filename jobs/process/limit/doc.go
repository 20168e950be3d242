// Package limit holds a tree of processes to a number of bytes of memory, and of processes.
//
// For each of the two the best means at hand is taken, in this order:
//
//   - a control group v2, if the limit's controller is delegated: in a group that hands it down to its
//     children, which is the process's own group or the one above (systemd: "Delegate=memory pids" with
//     DelegateSubgroup=, so that the group above holds no process itself);
//   - for memory, a control group v1 below the process's own, if it may be made. The number has none: to
//     enter a group v1 takes some ten milliseconds, too much for a limit that every command has;
//   - otherwise the tree is walked every now and then: the resident memory is added up, and the threads
//     are counted.
//
// With a group the kernel kills at the limit of memory, and refuses to fork at that of processes, before
// the machine suffers. Watched, a tree can overshoot by what it allocates or forks between two looks.
// RLIMIT_AS is never used: runtimes reserve far more addresses than they use. Nor is RLIMIT_NPROC: it
// counts whatever else the user runs, the worker and other trees too, and root is above it.
//
// A process counts once for each of its threads, and until it is reaped, as the kernel counts: each takes
// one of the system's numbers.
//
// Whatever the means, a limit being hit is the end of the whole tree: the caller asks Exceeded often,
// and kills. A half-dead tree helps no one. Before Linux 6.11 a fork that a group further up refuses
// counts as if this one had.
//
// The package imports the standard library alone, because the shim does.
package limit
