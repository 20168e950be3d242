// Package fleettest holds every provider of a fleet to the one contract of fleet.Fleet.
//
//	func TestMain(m *testing.M) { fleettest.Main(m) }
//
//	func TestConformanceAgainstStandIn(t *testing.T) {
//		fleettest.Run(t, func(t *testing.T) fleettest.Rig { … })
//	}
//
// What runs is counted where it runs: as processes. A provider that stands for a cloud starts real ones on a
// Host, so that exits and signals are real.
package fleettest
