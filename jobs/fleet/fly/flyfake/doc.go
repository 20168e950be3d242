// Package flyfake stands in for the Machines API of Fly in tests: its paths, fields, states and refusals, and the
// events of machines. A machine that is started is a real process.
//
// It is written from https://fly.io/docs/machines/api/ (as of 2026-08-07) and from the types of
// github.com/superfly/fly-go (machine_types.go, as of 2026-08-21). What these do not say was not tried on Fly:
// which requests a lease holds back (all that change a machine, here), what a start of a machine that runs
// answers (412, here, which is the harder case), and how long each state lasts. Fields that the types do not have are refused.
package flyfake
