// Package realtime carries what happens to tasks to those who watch, within one process. It holds no
// SQL and no history: a Source reads, the Hub hands out.
//
// A Subscription is told that something happened, and no more. A Feed is told of many tasks, as they
// change, and begins anew when it missed something. A Stream is given all entries of one task:
//
//	open the stream ──► read history from the Source up to its end ──► take what comes live
//	                          ▲                                              │
//	                          └────────────── behind ◄───────────────────────┘
//
// The stream is opened before its history is read, so the two overlap and nothing falls between; what
// comes twice is known by its seq. A task with streams is read once per change, however many there are,
// from where the last read ended.
//
// Invariants:
//
//   - A task is read by one reader at a time, so its entries come in order.
//   - A Stream holds a bounded number of entries. One that is not emptied in time is behind: it drops
//     them, and its owner reads the Source again. So a slow reader costs no memory and delays nobody.
//   - A lost hint only delays: a sweep compares the seqs of all watched tasks with the database, those that
//     feeds have shown and that have not ended included.
//   - An entry is made once and shared; nobody may change it.
package realtime
