// Package memory holds a tree of processes to a number of bytes.
//
// The best means at hand is taken, in this order:
//
//   - a control group v2, if the memory controller is delegated: in a group that hands it down to its
//     children, which is the process's own group or the one above (systemd: Delegate=memory with
//     DelegateSubgroup=, so that the group above holds no process itself);
//   - a control group v1 below the process's own, if it may be made;
//   - otherwise the resident memory of the tree is added up every now and then.
//
// With a group the kernel kills at the limit, before the machine suffers. Watched, a tree can overshoot
// by what it allocates between two looks. RLIMIT_AS is never used: runtimes reserve far more addresses
// than they use.
//
// Whatever the means, the limit being hit is the end of the whole tree: the caller asks Exceeded often,
// and kills. A half-dead tree helps no one.
//
// The package imports the standard library alone, because the shim does.
package memory
