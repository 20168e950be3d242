// Package embedded runs a PostgreSQL server of one's own, for development and for tests.
//
// The folder given to Start holds:
//
//	lock       locked by the process that runs the server; names it
//	password   of the only role, made once, readable by its owner alone
//	cluster/   what initdb made
//
// Invariants:
//
//   - One process at a time has a server on a folder. The lock is the kernel's, so it cannot be left
//     behind.
//   - The server listens on 127.0.0.1 alone and on no socket file, and asks everyone for the password.
//   - The cluster appears whole, by a rename; an initdb that was killed leaves nothing that counts.
//   - The server does not outlive the process that started it, not even by kill -9 (on Linux; elsewhere the
//     next Start stops what was left).
//
// PostgreSQL refuses to run as root. Started by root, the server therefore runs as the owner of an
// existing cluster, else as the user postgres, else as nobody's number. It keeps the capability to pass folders
// that are closed to it, since the folder mostly lies below one that only root may enter.
//
// What happens when:
//
//   - the process is killed: the server gets SIGINT, which is its fast shutdown;
//   - the folder is in use: Start fails and names the process;
//   - a server was left on the folder: it is stopped, then started anew;
//   - the machine restarted and the number in postmaster.pid is another process now: it is not
//     taken for a server;
//   - the server dies: Done is closed, Err says why.
package embedded
