// Package sandbox confines a thread, and with it every process that it forks from then on: what it names may
// be read or written, and nothing else; which ports are reached; no signals and no tracing to the outside. It
// takes no privilege, and nothing takes it back. On Linux it is made of two means of the kernel:
//
//   - Landlock, https://docs.kernel.org/userspace-api/landlock.html, for files, TCP ports, signals and abstract
//     sockets. It also keeps /proc of all processes outside from being looked into, for root as well.
//   - seccomp, for the ways around Landlock's ports: a socket of MPTCP connects to servers of TCP and is not asked
//     for its port, nor is TCP Fast Open; io_uring makes sockets that no filter sees. With no ports at all, no
//     socket can be made, of whatever family, but for pairs.
//
// Root loses the capabilities that go past these, such as that to read the environment of any process.
//
// What the kernel must have for it:
//
//	Linux 5.13 (1)  Landlock
//	Linux 6.2  (3)  files are not truncated from outside; without it there is no sandbox
//	Linux 6.7  (4)  ports by number; without it, a list of ports is refused
//	Linux 6.10 (5)  no ioctl of other devices
//	Linux 6.12 (6)  no signals and no abstract sockets to the outside
//
// The numbers in brackets are the versions of Landlock's interface. What a kernel lacks of the last two is left
// out; KeepsSignals tells.
//
// Invariants:
//
//   - Apply confines all that was asked for, or answers an error, and then nothing may be forked.
//   - No right goes to a file by its name: rules are of files and folders as they are when Apply opens them. One
//     that is replaced afterwards is closed, unless a folder above it is named.
//   - The thread keeps what it has open, and other threads of the process are not confined.
//
// Not kept: modes, owners and times of files that its user owns may be changed, and names, sizes and times of all
// files be seen; sockets with a name in the file system may be connected to, unless there are no ports at all; UDP
// is not held to ports; limits and priorities of other processes of the same user can be set.
//
// The package imports the standard library alone, because the shim does.
package sandbox
