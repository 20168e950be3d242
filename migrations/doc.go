// Package migrations holds the SQL that makes Freshet's database, and runs it with golang-migrate.
//
// The files are of two sorts. Those named river_vN are River's own migrations, written by
// ./migrations/generate from the River module and never by hand; the rest is Freshet's. River's
// tables live in the schema river, Freshet's in freshet, and every name is qualified: the database
// may be the user's own, with a search_path and a golang-migrate table of its own.
//
// golang-migrate alone does not survive kill -9: it marks a version dirty, runs the file, and
// unmarks it, in three transactions. A killed process leaves the mark, while the server goes on with
// the file it was sent and commits it. Whether the file took effect is then not to be seen. Therefore
// the last statement of each file notes the version in freshet.schema_versions. A file is sent as one
// message, hence is one implicit transaction, hence note and effect are there together or not at
// all.
//
// Invariants:
//
//   - The highest row of freshet.schema_versions is the version of the database. The table
//     freshet.schema_migrations is only golang-migrate's view of it.
//   - One process migrates at a time. Each holds an advisory lock on a connection of its own.
//   - A server process whose client was killed still holds golang-migrate's advisory lock until it
//     is done with its file. Nothing is decided before that lock was free once.
//
// What happens when:
//
//   - a file fails: its transaction is rolled back; the next Up tries the same file again;
//   - the process is killed, at any moment: the next Up puts golang-migrate right from the note;
//   - the context is cancelled: the file that runs is finished, the next one is not begun;
//   - two processes migrate at once: one does the work, the other waits and finds it done;
//   - the database is newer than this program: nothing is done, ErrNewer;
//   - a file contracts while older programs live: it is rolled back, ErrInUse.
//
// A file contracts if it takes away, or changes the meaning of, what a program of before reads or writes. A release stops
// using it first, and the file comes with a later one. A program's schema is the Latest of when it was made, and the file
// begins with freshet.contract(N) and notes N as oldest in freshet.schema_versions: programs from schema N on do
// without what it takes away.
//
//   - A worker writes its schema into its row, an API holds its schema's lock in the session that it listens in:
//     freshet.contract raises an error while one before N lives, or a unit of another generation than its pool's is
//     being started. An API behind a transaction pooler alone has no such session, and is not seen; nor is one that lets
//     the database sleep, which looks when it wakes.
//   - A worker whose lease is over, and with Force every one before N, is dead from there on, in the same transaction:
//     it can write nothing more, and the reaper gives what it ran to another.
//   - Who starts later reads oldest, and refuses. A worker that registers meanwhile waits and is refused.
//
// A file must not use what cannot run in a transaction, such as CREATE INDEX CONCURRENTLY.
package migrations
