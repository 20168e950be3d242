package attacks_test

import (
	"testing"

	"freshet/cmd/cmdtest"
	"freshet/jobs/postgres/postgrestest"
)

func TestMain(m *testing.M) {
	cmdtest.Become()
	postgrestest.Main(m)
}
