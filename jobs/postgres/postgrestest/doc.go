// Package postgrestest gives each test a database of its own. It is for tests only.
//
// All tests of a package share one server, started by the first call of New. It is the server at
// FRESHET_TEST_DATABASE_URL if that is set, the URL of a role that may create databases; else one that
// this package runs, on a folder below the system's for temporary files, without fsync. Call Main in
// TestMain, so that the server is stopped and its folder removed:
//
//	func TestMain(m *testing.M) { postgrestest.Main(m) }
//
// A test's database is a copy of a template that has all migrations. The template is made once for a
// set of migrations and kept, on disk or on the given server.
//
// The server cannot outlive the test program (see package embedded). If the program is killed its
// folder stays, and the next test program removes it.
package postgrestest
