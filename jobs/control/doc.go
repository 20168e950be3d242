// Package control is the control plane, which runs inside every API replica: it admits attempts that
// are held, fails those that waited too long, and makes the partitions of the days to come.
//
// There is no leader. Every statement skips the rows that another replica holds, so replicas share the
// work and none waits for another. A pass begins at a hint, at the next time that something is due,
// or after a sweep interval, whichever comes first: the sweep is what makes a lost hint harmless.
package control
