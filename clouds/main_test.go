package clouds_test

import (
	"testing"
	"time"

	"freshet/cmd/cmdtest"
	"freshet/jobs/postgres/postgrestest"
)

// patience bounds every wait: the machine may be busy.
const patience = 90 * time.Second

func TestMain(m *testing.M) {
	cmdtest.Become()
	postgrestest.Main(m)
}
