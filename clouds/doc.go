// Package clouds holds tests alone: whole control planes, with the providers that they have in a cloud, start real
// workers by way of stand-ins for Fly and for Cloud Run. It has no code that anything could import.
//
// A stand-in starts this very test binary as freshet worker, on the real database, and misbehaves when it is told
// to. What runs is counted where it runs, by the processes: neither the ledger nor a provider is asked.
//
// After each of them agree looks at the same promises:
//
//   - Every task is completed, and nothing runs any more.
//   - There were never more workers than max.
//   - No order ran in two units at once, and none ever had two, unless the test brings that about.
//   - Each unit that ran is in the ledger, which says of each that it has ended.
//   - What a provider still lists is in the ledger too, under the same intent and name.
//
// Nothing here was run against Fly or Cloud Run: what is true of a stand-in is true of them as far as it is like them.
package clouds
