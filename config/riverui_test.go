package config_test

import "testing"

// No refusal shows what was written: it may hold a password.
func TestRefusedRiverUI(t *testing.T) {
	t.Parallel()
	const address = "must be the http or https address of River UI, without a path, such as http://127.0.0.1:8081"
	const half = "has a user without a password or a password without a user; give both, or none"
	for source, want := range map[string]string{
		`server: {riverUi: 8081}`:                    `1:19: server.riverUi: must be an address such as http://127.0.0.1:8081, not an integer; write "8081" in quotes`,
		`server: {riverUi: "127.0.0.1:8081"}`:        `1:19: server.riverUi: ` + address,
		`server: {riverUi: "postgres://a"}`:          `1:19: server.riverUi: ` + address,
		`server: {riverUi: "http://"}`:               `1:19: server.riverUi: ` + address,
		`server: {riverUi: "http://ui:8080/river"}`:  `1:19: server.riverUi: ` + address,
		`server: {riverUi: "http://ui?a=b"}`:         `1:19: server.riverUi: ` + address,
		`server: {riverUi: "http://ui#"}`:            `1:19: server.riverUi: ` + address,
		`server: {riverUi: "http://me:secret@ui:x"}`: `1:19: server.riverUi: ` + address,
		`server: {riverUi: "http://me@ui"}`:          `1:19: server.riverUi: ` + half,
		`server: {riverUi: "http://:secret@ui"}`:     `1:19: server.riverUi: ` + half,
	} {
		if got := refusals(t, source); got != want {
			t.Errorf("%s\n got %s\nwant %s", source, got, want)
		}
	}
}
