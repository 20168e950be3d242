// Command bench measures Freshet beside what it stands on, in one run, so that what is compared shares
// the machine's mood. It starts a PostgreSQL server of its own that keeps its promises (fsync on), and
// prints, over interleaved rounds, medians, ranges and ratios:
//
//   - submits: POST /v1/tasks by 32 clients, beside pgbench's durable inserts by 32 clients;
//   - lives: a task of a kind that does nothing, from POST to completed, beside River's own insert and
//     work of a job that does nothing, with as many slots and the same fetch cooldown;
//   - latency: from POST to completed when the system is otherwise idle.
//
// The kind that does nothing runs inside the process: no build of freshet itself can do that.
package main
