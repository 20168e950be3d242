package config_test

import "testing"

func TestLimits(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		kindWith(`processes: 0`):                       `3: kinds[0].processes: 0 must be an integer from 1 to 1000000`,
		kindWith(`processes: many`):                    `3: kinds[0].processes: must be an integer from 1 to 1000000, not text`,
		kindWith(`openFiles: 8`):                       `3: kinds[0].openFiles: 8 must be an integer from 64 to 1000000`,
		kindWith(`disk: 1024`):                         `3: kinds[0].disk: must be a size such as 500MB, 64MiB or 2GiB, not a number without a unit`,
		kindWith(`disk: 0B`):                           `3: kinds[0].disk: "0B" is too little`,
		kindWith(`files: 9`):                           `3: kinds[0].files: 9 must be an integer from 10 to 100000000`,
		routeWith(`processes: 9`):                      `4: kinds[0].processes: ` + ofCommands,
		routeWith(`openFiles: none`):                   `4: kinds[0].openFiles: ` + ofCommands,
		routeWith(`disk: 1GiB`):                        `4: kinds[0].disk: ` + ofCommands,
		routeWith(`files: 99`):                         `4: kinds[0].files: ` + ofCommands,
		"server: {limits: {connectionsPerAddress: 0}}": `1: server.limits.connectionsPerAddress: 0 must be an integer from 1 to 1000000`,
	} {
		if got := withoutColumn(refusals(t, source)); got != want {
			t.Errorf("\n%s\ngot  %s\nwant %s", source, got, want)
		}
	}
}
