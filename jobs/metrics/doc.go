// Package metrics counts what happens in a process, and shows it in the text format of Prometheus: a Replica
// for the API's processes, a Worker for the workers', a Host for who keeps them alive. Each has a registry of its own.
//
// Labels name kinds, pools, routes and codes, of all of which there are few. None names an owner, a task, a
// worker or anything else that a user chose, for there would be a series for each, and everybody who may read
// metrics would read it.
//
// What the database knows, a Replica reads once for a scrape, and at most every few seconds, and shows with its
// age. When the database does not answer it shows what it knew, and the age grows.
//
// A nil *Replica or *Worker counts nothing, for those who have no use for it.
package metrics
