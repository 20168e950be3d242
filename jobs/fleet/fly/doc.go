// Package fly starts workers on Fly Machines, in an app that has nothing but workers.
//
// Machines are kept when their worker has exited 0: a stopped one costs its disk alone and starts within about a
// second, while a new one has to have its image pulled first. Each carries what it is in its metadata: the
// installation and the pool, the generation, and the last order that was given to it.
//
// Start goes through the same steps with each way to come by a machine:
//
//	look ──► the order's own machine is there: it has run ──────────────────────────────► its id
//	  │                                        it has not ──► lease ──────────► start ──► its id
//	  ├──► a stopped one: lease, look at it ──► claim ──► look again ─────────► start ──► its id
//	  ├──► one of another generation: lease, update with the claim ──► look again ► start ──► its id
//	  └──► none: create one with the claim, not started ──► look again ► lease ► start ──► its id
//
// A claim is the order in a machine's metadata, together with the time of the machine's last event: a start
// behind it is the order's. Invariants:
//
//   - Nothing is started without a claim that was written before.
//   - Who has claimed looks again before it starts. Of two replicas with the same order, one at least sees the
//     other's claim; who sees one withdraws its own and goes on with the other's. Both may withdraw; then chance
//     decides the next time.
//   - A machine is claimed and started under its lease, so that two orders never have the same one.
//   - A new machine is named by its order. Names are unique in an app, so that a creation whose answer was lost
//     can be asked for again.
//
// What happens on a failure:
//
//   - 408, 429, 5xx, a broken connection: again, later. Each request may be sent twice.
//   - 409, 412: the lease is another's (a deployment holds one too), or the machine is on its way to another
//     state: again, later.
//   - No capacity, an unreachable host, a state that has not changed for five minutes: the next machine, then a
//     new one in each region, then fleet.ErrRefused.
//   - Another refusal, as of the token or the image: fleet.ErrRefused.
//   - ctx ends: nobody knows, and the same order goes on where this one was.
//
// Lists of Fly are put together from many hosts and may lag behind. Should two looks miss each other for that
// reason, an order has two units, of which an audit stops the one that the ledger does not name.
//
// The API is that of https://fly.io/docs/machines/api/ and of github.com/superfly/fly-go, August 2026.
package fly
