package config_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"freshet/config"
)

var update = flag.Bool("update", false, "write the golden files anew")

// refusals are the problems of a source, without the name of the file.
func refusals(t *testing.T, source string) string {
	t.Helper()
	_, err := config.Parse([]byte(source), "f", folder())
	if err == nil {
		return ""
	}
	var all config.Errors
	var one *config.Error
	if !errors.As(err, &all) || !errors.As(err, &one) {
		t.Fatalf("got %T", err)
	}
	return strings.TrimPrefix(strings.ReplaceAll(err.Error(), "\nf:", "\n"), "f:")
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		"pools: {a: {childUser: x, allowRootChildren: true}}": `1:46: pools.a.allowRootChildren: is of no use beside childUser; remove one of the two`,
		"pools: {a: {childUser: 'a b'}}":                      `1:24: pools.a.childUser: "a b" must be the name or number of a user such as freshet-tasks`,
		"pools: {a: {allowRootChildren: 'yes'}}":              `1:32: pools.a.allowRootChildren: must be true or false, not text`,
		"kinds: [{name: a, command: [x], showEnv: [1A]}]":     `1:43: kinds[0].showEnv[0]: "1A" must be the name of a variable such as NODE_ENV`,
		// Keys and names.
		"kinds:\n  - name: a\n    command: [x]\n    timout: 3m": `4:5: kinds[0].timout: unknown key; did you mean "timeout"?`,
		"x-common: 1":          `1:1: x-common: unknown key`,
		"Kinds: []":            `1:1: Kinds: unknown key; did you mean "kinds"?`,
		"kinds: []\nkinds: []": `2:1: the key "kinds" stands twice here; remove one`,
		"kinds: [{name: a, command: [x]}, {name: a, command: [x]}]":      `1:41: kinds[1].name: there is another kind "a" in line 1`,
		"kinds: [{name: A_b, command: [x]}]":                             `1:16: kinds[0].name: "A_b" must be a name of small letters, digits and single hyphens, such as monthly-report`,
		"kinds: [{name: a-, command: [x]}]":                              `1:16: kinds[0].name: "a-" must be a name of small letters, digits and single hyphens, such as monthly-report`,
		"kinds: [{name: " + strings.Repeat("a", 51) + ", command: [x]}]": `1:16: kinds[0].name: is longer than 50 characters`,
		"kinds: [{name: 1, command: [x]}]":                               `1:16: kinds[0].name: must be a name of small letters, digits and single hyphens, such as monthly-report, not an integer; write "1" in quotes`,
		"kinds: [{command: [x]}]":                                        `1:9: kinds[0].name: is missing`,
		"kinds: [{name: a}]":                                             `1:9: kinds[0]: has no command and no http; one of them must say who does the work`,
		"kinds: [a]":                                                     `1:9: kinds[0]: must be a mapping of keys to values, not text`,
		"kinds: {a: {}}":                                                 `1:8: kinds: must be a list, not a mapping`,
		"kinds:":                                                         `1:8: kinds: has no value; it must be a list, or the key be removed`,
		"[]":                                                             `1:1: must be a mapping of keys to values, not a list`,
		"a: [x":                                                          `1:4: is not valid YAML: sequence end token ']' not found`,
		"a:\n\tb: c":                                                     `2:1: is not valid YAML: found character '	' that cannot start any token`,
		"kinds: []\n---\nkinds: []":                                      `3:1: there is more than one YAML document; keep one`,
		"%YAML 1.1\n---\nkinds: []":                                      `1:1: YAML directives are not used here; remove the line`,
		"kinds: *none":                                                   `1:8: there is no anchor &none before the alias *none`,
		"kinds: &a [*a]":                                                 `1:12: there is no anchor &a before the alias *a`,
		"kinds: !!seq []":                                                `1:8: tags such as !!seq are not used here; quote text to make it text`,
		"server: {<<: 5}":                                                `1:10: only mappings can be merged by <<`,
		"kinds: []\nserver: {corsOrigins: [\"\xff\"]}":                   `2:1: is not valid UTF-8 text`,

		// Values, and what YAML 1.1 made of them.
		kindWith(`retry: {maxAttempts: "3"}`):        `3: kinds[0].retry.maxAttempts: must be an integer from 1 to 100, not text`,
		kindWith(`retry: {maxAttempts: 0}`):          `3: kinds[0].retry.maxAttempts: 0 must be an integer from 1 to 100`,
		kindWith(`retry: {maxAttempts: 010}`):        `3: 010 is not a plain decimal number; quote it to make it text`,
		kindWith(`retry: {maxAttempts: 2.5}`):        `3: kinds[0].retry.maxAttempts: must be an integer from 1 to 100, not a number`,
		kindWith(`retry: {maxAttempts: yes}`):        `3: kinds[0].retry.maxAttempts: must be an integer from 1 to 100, not text`,
		kindWith(`retry: {backoff: {factor: .inf}}`): `3: .inf is not a plain decimal number; quote it to make it text`,
		kindWith(`retry: {backoff: {jitter: 1.5}}`):  `3: kinds[0].retry.backoff.jitter: 1.5 must be a number from 0 to 1`,
		kindWith(`retry: {backoff: {initial: 1h}}`):  `3: kinds[0].retry.backoff.initial: is 1h0m0s, more than max, which is 10m0s`,
		kindWith(`timeout: 30`):                      `3: kinds[0].timeout: must be a duration such as 30s, 30m, 24h or 7d, not a number without a unit`,
		kindWith(`timeout: 30 m`):                    `3: kinds[0].timeout: "30 m" must be a duration such as 30s, 30m, 24h or 7d`,
		kindWith(`timeout: 0s`):                      `3: kinds[0].timeout: "0s" is too little`,
		kindWith(`timeout: 99999999999d`):            `3: kinds[0].timeout: "99999999999d" is too much`,
		kindWith(`timeout: 99999999999999999999s`):   `3: kinds[0].timeout: "99999999999999999999s" is too much`,
		kindWith(`timeout: -5m`):                     `3: kinds[0].timeout: "-5m" must be a duration such as 30s, 30m, 24h or 7d`,
		kindWith(`timeout:`):                         `3: kinds[0].timeout: has no value; it must be a duration such as 30s, 30m, 24h or 7d, or the key be removed`,
		kindWith(`memory: 2G`):                       `3: kinds[0].memory: "2G" must be a size such as 500MB, 64MiB or 2GiB`,
		kindWith(`memory: 1024`):                     `3: kinds[0].memory: must be a size such as 500MB, 64MiB or 2GiB, not a number without a unit`,
		kindWith(`logs: {maxBytes: 0B}`):             `3: kinds[0].logs.maxBytes: "0B" is too little`,
		kindWith(`description: "a\0b"`):              `3: kinds[0].description: contains the NUL character`,
		kindWith(`description: true`):                `3: kinds[0].description: must be text, not a boolean; write "true" in quotes`,
		kindWith(`cwd: ""`):                          `3: kinds[0].cwd: "" must be a folder such as project`,

		// Environment.
		kindWith(`env: {PORT: 3000}`):             `3: kinds[0].env.PORT: must be text, not an integer; write "3000" in quotes`,
		kindWith(`env: {1A: x}`):                  `3: kinds[0].env.1A: is no name of a variable`,
		kindWith(`env: {FRESHET_URL: x}`):         `3: kinds[0].env.FRESHET_URL: FRESHET_URL: variables that begin with FRESHET_ are set by Freshet itself`,
		kindWith(`env: {A: "${B"}`):               `3: kinds[0].env.A: "${" is not closed by "}"; write $${ for the text itself`,
		kindWith(`env: [A]`):                      `3: kinds[0].env: must be a mapping of names to values, not a list`,
		kindWith(`passEnv: [A=b]`):                `3: kinds[0].passEnv[0]: "A=b" must be the name of a variable such as DATABASE_URL`,
		kindWith(`passEnv: [FRESHET_API_KEY]`):    `3: kinds[0].passEnv[0]: FRESHET_API_KEY: variables that begin with FRESHET_ are set by Freshet itself`,
		kindWith("env: {A: x}\n    passEnv: [A]"): `4: kinds[0].passEnv[0]: A stands under env already; remove one of the two`,

		// Commands.
		"kinds:\n  - name: a\n    command: npm run x":                                                       `3: kinds[0].command: must be a list, not text`,
		"kinds:\n  - name: a\n    command: []":                                                              `3: kinds[0].command: must name a program`,
		"kinds:\n  - name: a\n    command: [sleep, 5]":                                                      `3: kinds[0].command[1]: must be text, not an integer; write "5" in quotes`,
		"kinds:\n  - name: a\n    command: [x, \"{{input\"]":                                                `3: kinds[0].command[1]: "{{" is not closed by "}}"`,
		"kinds:\n  - name: a\n    command: [x, \"{{input.startDat}}\"]\n    input: tasks/report.input.json": `3: kinds[0].command[1]: {{input.startDat}}: the input schema has no such property; did you mean "startDate"?`,

		// Sandboxes.
		kindWith(`sandbox: yes`):                   `3: kinds[0].sandbox: must be true, false, or a mapping of read, write and network, not text`,
		kindWith(`sandbox: [./out]`):               `3: kinds[0].sandbox: must be true, false, or a mapping of read, write and network, not a list`,
		kindWith(`sandbox:`):                       `3: kinds[0].sandbox: has no value; it must be true, false, or a mapping of read, write and network, or the key be removed`,
		kindWith(`sandbox: {writ: [./out]}`):       `3: kinds[0].sandbox.writ: unknown key; did you mean "write"?`,
		kindWith(`sandbox: {write: ./out}`):        `3: kinds[0].sandbox.write: must be a list, not text`,
		kindWith(`sandbox: {read: [""]}`):          `3: kinds[0].sandbox.read[0]: "" must be a file or folder such as ./out`,
		kindWith(`sandbox: {network: nothing}`):    `3: kinds[0].sandbox.network: "nothing" must be one of any, none`,
		kindWith(`sandbox: {network: 443}`):        `3: kinds[0].sandbox.network: must be any, none, or a list of ports, not an integer`,
		kindWith(`sandbox: {network: []}`):         `3: kinds[0].sandbox.network: has no ports; write none to close the network`,
		kindWith(`sandbox: {network: ["443"]}`):    `3: kinds[0].sandbox.network[0]: must be an integer from 1 to 65535, not text`,
		kindWith(`sandbox: {network: [0]}`):        `3: kinds[0].sandbox.network[0]: 0 must be an integer from 1 to 65535`,
		kindWith(`sandbox: {network: [443, 7.5]}`): `3: kinds[0].sandbox.network[1]: must be an integer from 1 to 65535, not a number`,

		// Routes.
		kindOf(`http: {url: "https://a/b"}`) + "    command: [x]": `3: kinds[0].http: stands beside command; a kind has exactly one of command and http`,
		kindOf(`http: {}`):                                `3: kinds[0].http.url: is missing`,
		kindOf(`http: https://a/b`):                       `3: kinds[0].http: must be a mapping of keys to values, not text`,
		kindOf(`http: {url: "https://a/b", method: PUT}`): `3: kinds[0].http.method: unknown key`,
		kindOf(`http: {url: a/b}`):                        `3: kinds[0].http.url: must be an http or https address such as https://app.example.com/api/tasks/report`,
		kindOf(`http: {url: "ftp://a/b"}`):                `3: kinds[0].http.url: must be an http or https address such as https://app.example.com/api/tasks/report`,
		kindOf(`http: {url: "https://me:pw@a/b"}`):        `3: kinds[0].http.url: must not have a name or password; the request is signed instead`,
		kindOf(`http: {url: "https://a/b#c"}`):            `3: kinds[0].http.url: must not have a fragment, which no server is sent`,
		kindOf(`http: {url: "https://a/{{input.x}}"}`):    `3: kinds[0].http.url: {{…}} is not replaced in a url; the input is in the request's body`,
		kindOf(`http: {url: "${A"}`):                      `3: kinds[0].http.url: "${" is not closed by "}"; write $${ for the text itself`,
		kindOf(`http: {url: "https://a/b", timeout: 1h}`): `3: kinds[0].http.timeout: is 1h0m0s, more than the kind's timeout, which is 30m0s`,
		kindOf(`http: {url: "https://a/b", timeout: 0s}`): `3: kinds[0].http.timeout: "0s" is too little`,
		routeWith(`cwd: project`):                         `4: kinds[0].cwd: ` + ofCommands,
		routeWith(`env: {A: b}`):                          `4: kinds[0].env: ` + ofCommands,
		routeWith(`passEnv: [A]`):                         `4: kinds[0].passEnv: ` + ofCommands,
		routeWith(`grace: 5s`):                            `4: kinds[0].grace: ` + ofCommands,
		routeWith(`memory: 1GiB`):                         `4: kinds[0].memory: ` + ofCommands,
		routeWith(`sandbox: true`):                        `4: kinds[0].sandbox: ` + ofCommands,
		routeWith(`logs: {maxBytes: 1MiB}`):               `4: kinds[0].logs: ` + ofCommands,
		kindOf(`claude: {}`):                              `3: kinds[0].claude: not supported yet by this version`,

		// Schemas.
		kindWith(`input: tasks/none.json`):                                         `3: kinds[0].input: there is no file tasks/none.json`,
		kindWith(`input: tasks`):                                                   `3: kinds[0].input: tasks cannot be read: invalid argument`,
		kindWith(`input: ../x.json`):                                               `3: kinds[0].input: "../x.json" must be a file inside the folder of freshet.yaml`,
		kindWith(`input: /etc/passwd`):                                             `3: kinds[0].input: "/etc/passwd" must be a file inside the folder of freshet.yaml`,
		kindWith(`input: tasks/empty.json`):                                        `3: kinds[0].input: tasks/empty.json is empty`,
		kindWith(`input: tasks/long.json`):                                         `3: kinds[0].input: tasks/long.json cannot be read: is longer than 1048576 bytes`,
		kindWith(`output: tasks/broken.json`):                                      `3: kinds[0].output: tasks/broken.json: /type: ends in the middle of a value`,
		kindWith(`input: tasks/wrong.json`):                                        `3: kinds[0].input: tasks/wrong.json: /properties/a/minLength: minimum: got -1, want 0`,
		kindWith(`input: tasks/broken.yaml`):                                       `3: kinds[0].input: tasks/broken.yaml:1:4: is not valid YAML: sequence end token ']' not found`,
		kindWith(`input: true`):                                                    `3: kinds[0].input: must be a JSON Schema, or the path of a file with one, not a boolean`,
		kindWith("input:\n      properties:\n        a: {type: strnig}"):           `5: kinds[0].input.properties.a.type: fits none of the allowed forms: value must be one of 'array', 'boolean', 'integer', 'null', 'number', 'object', 'string' | got string, want array`,
		kindWith("input: {$ref: other.json}"):                                      `3: kinds[0].input: refers to "other.json"; only references inside the schema (#/...) are followed`,
		kindWith("output: {$schema: \"http://json-schema.org/draft-07/schema#\"}"): `3: kinds[0].output.$schema: must be https://json-schema.org/draft/2020-12/schema`,

		// Schedules.
		`schedules: [{}]`:                       "1:13: schedules[0].name: is missing\n1:13: schedules[0].cron: is missing\n1:13: schedules[0].kind: is missing",
		scheduleWith(`cron: "0 3 * *"`):         `7: schedules[0].cron: "0 3 * *": has 4 fields; it must have five: minute, hour, day of month, month, day of week`,
		scheduleWith(`cron: "0 25 * * *"`):      `7: schedules[0].cron: "0 25 * * *": hour: 25 is not from 0 to 23`,
		scheduleWith(`cron: 5`):                 `7: schedules[0].cron: must be a cron expression such as 0 3 * * *, not an integer; write "5" in quotes`,
		scheduleWith(`timezone: Europa/Berlin`): `7: schedules[0].timezone: "Europa/Berlin" is no known time zone; it must be a name such as UTC or Europe/Berlin`,
		scheduleWith(`kind: b`):                 `7: schedules[0].kind: there is no kind "b"; did you mean "a"?`,
		scheduleWith(`missed: run-once`):        `7: schedules[0].missed: "run-once" must be one of run_once, skip; did you mean "run_once"?`,
		scheduleWith(`owner: ""`):               `7: schedules[0].owner: "" must be 1 to 255 printable bytes`,
		scheduleWith(`tags: [""]`):              `7: schedules[0].tags[0]: must have 1 to 100 bytes`,
		scheduleWith(`priority: urgent`):        `7: schedules[0].priority: "urgent" must be one of low, normal, high`,
		scheduleWith(`input:`):                  `7: schedules[0].input: has no value; it must have one, or the key be removed`,
		scheduleWith(`input: {m: "1", x: 2}`):   `7: schedules[0].input.m: got string, want integer`,
		scheduleWith(`input: {x: 2}`):           `7: schedules[0].input: /m: is missing`,
		scheduleWith(`seconds: 5`):              `7: schedules[0].seconds: unknown key`,
		scheduleWith("input: {m: 1}") + "  - {name: s, cron: '@daily', kind: a, input: {m: 1}}":                     `10: schedules[1].name: there is another schedule "s" in line 6`,
		"kinds: [{name: a, command: [x], input: {required: [m]}}]\nschedules: [{name: s, cron: '@daily', kind: a}]": `2:13: schedules[0]: /input/m: is missing`,

		// Pools and server.
		"pools: {heavi: {}}\n" + kindWith(`pool: heavy`):             `4: kinds[0].pool: there is no pool "heavy"; did you mean "heavi"?`,
		"pools: {default: {slots: 0}}":                               `1:26: pools.default.slots: 0 must be an integer from 1 to 1000`,
		"pools: {a: {min: 3}}":                                       `1:18: pools.a.min: is 3, more than max, which is 2`,
		"pools: {A: {}}":                                             `1:9: pools.A: is no name of a pool; use small letters, digits and single hyphens`,
		"pools: {a: {provider: proces}}":                             `1:23: pools.a.provider: "proces" must be one of process, fly, cloudrun, none; did you mean "process"?`,
		"pools: {a: {provider: fly}}":                                "1:12: pools.a.app: is missing; provider fly needs it\n1:12: pools.a.image: is missing; provider fly needs it",
		"pools: {a: {app: x}}":                                       `1:18: pools.a.app: is for provider fly, and this pool has process; remove it`,
		"pools: {a: {budget: {}}}":                                   `1:21: pools.a.budget.unitHoursPerDay: is missing`,
		poolWith("budget: {unitHoursPerDay: 0}"):                     `2: pools.a.budget.unitHoursPerDay: 0 must be a number from 0.1 to 100000`,
		poolWith("app: Acme_1"):                                      `2: pools.a.app: "Acme_1" must be the name of a Fly app such as acme-workers`,
		poolWith("image: 'acme:latest@sha256:12ab'"):                 `2: pools.a.image: "acme:latest@sha256:12ab" must be ` + imageForm,
		poolWith("image: ''"):                                        `2: pools.a.image: "" must be ` + imageForm,
		poolWith("image: '${IMAGE'"):                                 `2: pools.a.image: "${" is not closed by "}"; write $${ for the text itself`,
		poolWith("image: 5"):                                         `2: pools.a.image: must be text, not an integer; write "5" in quotes`,
		poolWith("regions: nrt"):                                     `2: pools.a.regions: must be a list, not text`,
		poolWith("regions: [tokyo]"):                                 `2: pools.a.regions[0]: "tokyo" must be the code of a region such as nrt`,
		poolWith("regions: [nrt, nrt]"):                              `2: pools.a.regions[1]: "nrt" stands twice here; remove one`,
		poolWith("size: big"):                                        `2: pools.a.size: "big" must be a size of Fly's such as shared-cpu-2x or performance-2x`,
		poolWith("job: x"):                                           `2: pools.a.job: is for provider cloudrun, and this pool has fly; remove it`,
		jobWith("size: shared-cpu-1x"):                               `2: pools.a.size: is for provider fly, and this pool has cloudrun; remove it`,
		jobWith("project: A"):                                        `2: pools.a.project: "A" must be the id of a project such as acme-prod`,
		jobWith("location: tokyo"):                                   `2: pools.a.location: "tokyo" must be a region such as asia-northeast1`,
		jobWith("job: A"):                                            `2: pools.a.job: "A" must be the name of a job such as freshet-worker`,
		poolWith("startsPerMinute: 0"):                               `2: pools.a.startsPerMinute: 0 must be an integer from 1 to 1000`,
		"pools: {a: {provider: none, startsPerMinute: 1}}":           `1:46: pools.a.startsPerMinute: is for workers that Freshet starts, and this pool has provider none; remove it`,
		"pools: {a: {provider: none, budget: {unitHoursPerDay: 1}}}": `1:37: pools.a.budget: is for workers that Freshet starts, and this pool has provider none; remove it`,
		"pools: {a: {provider: cloudrun, project: acme-1, job: w}}":  `1:12: pools.a.location: is missing; provider cloudrun needs it`,
		"pools: {a: {lease: 1s}}":                                    `1:20: pools.a.lease: "1s" is too little`,
		"pools: {a: {slot: 1}}":                                      `1:13: pools.a.slot: unknown key; did you mean "slots"?`,
		"server: {publicUrl: tasks.example.com}":                     `1:21: server.publicUrl: "tasks.example.com" must be an http or https address such as https://tasks.example.com`,
		`server: {publicUrl: "https://"}`:                            `1:21: server.publicUrl: "https://" must be an http or https address such as https://tasks.example.com`,
		`server: {publicUrl: "https://a/?b"}`:                        `1:21: server.publicUrl: "https://a/?b" must be an http or https address such as https://tasks.example.com`,
		`server: {corsOrigins: ["*"]}`:                               `1:24: server.corsOrigins[0]: "*" must be an origin, without a path, such as https://app.example.com`,
		`server: {corsOrigins: ["https://a/b"]}`:                     `1:24: server.corsOrigins[0]: "https://a/b" must be an origin, without a path, such as https://app.example.com`,
		`server: {dbSleep: 1}`:                                       `1:19: server.dbSleep: must be true or false, not an integer`,
		`server: {dbSleep: true, x: 1}`:                              `1:25: server.x: unknown key`,

		// Who is believed.
		issuerWith("issuer: ''"):                                                           `2: server.auth.jwt[0].issuer: "" must be text such as https://app.example.com`,
		issuerWith("issuer: a", "issuer: a"):                                               `3: server.auth.jwt[1].issuer: "a" stands twice here; remove one`,
		issuerWith("algorithms: []"):                                                       `2: server.auth.jwt[0].algorithms: must have one at least, such as ES256`,
		issuerWith("algorithms: [HS256]"):                                                  `2: server.auth.jwt[0].algorithms[0]: "HS256" must be one of ` + algorithms + `; did you mean "RS256"?`,
		issuerWith("algorithms: [none]"):                                                   `2: server.auth.jwt[0].algorithms[0]: "none" must be one of ` + algorithms,
		issuerWith("algorithms: [es256]"):                                                  `2: server.auth.jwt[0].algorithms[0]: "es256" must be one of ` + algorithms + `; did you mean "ES256"?`,
		issuerWith(`jwksUrl: "http://app.example.com/jwks"`):                               `2: server.auth.jwt[0].jwksUrl: "http://app.example.com/jwks" must be https: who can change the answer can sign in as anybody`,
		issuerWith(`jwksUrl: "http://127.0.0.1.evil.com/"`):                                `2: server.auth.jwt[0].jwksUrl: "http://127.0.0.1.evil.com/" must be https: who can change the answer can sign in as anybody`,
		issuerWith(`jwksUrl: "https://a:b@app.example.com/"`):                              `2: server.auth.jwt[0].jwksUrl: "https://a:b@app.example.com/" must be an https address such as https://app.example.com/.well-known/jwks.json`,
		issuerWith(`jwksUrl: "file:///etc/passwd"`):                                        `2: server.auth.jwt[0].jwksUrl: "file:///etc/passwd" must be an https address such as https://app.example.com/.well-known/jwks.json`,
		"server: {auth: {jwt: [{issuer: a, jwksUrl: 'https://a/', algorithms: [ES256]}]}}": `1:23: server.auth.jwt[0].audience: is missing`,
		`server: {trustedProxies: [10.0.0.1/8]}`:                                           `1:27: server.trustedProxies[0]: "10.0.0.1/8" has bits behind its prefix; write 10.0.0.0/8`,
		`server: {trustedProxies: ["0.0.0.0/0"]}`:                                          `1:27: server.trustedProxies[0]: "0.0.0.0/0" is everybody, and everybody could say to be anybody; name the proxies`,
		`server: {trustedProxies: [proxy]}`:                                                `1:27: server.trustedProxies[0]: "proxy" must be a network such as 10.0.0.0/8`,
		`server: {trustedProxies: ["::ffff:10.0.0.0/104"]}`:                                `1:27: server.trustedProxies[0]: "::ffff:10.0.0.0/104" is of IPv4; write it so`,
		"server: {limits: {tasksPerSecond: 0}}":                                            `1:35: server.limits.tasksPerSecond: 0 must be an integer from 1 to 1000000`,
		"server: {limits: {openTasks: lots}}":                                              `1:30: server.limits.openTasks: must be an integer from 1 to 1000000, not text`,
		"server: {limits: {bytes: 5}}":                                                     `1:26: server.limits.bytes: must be a size such as 500MB, 64MiB or 2GiB, not a number without a unit`,
		"server: {limits: {rate: 5}}":                                                      `1:19: server.limits.rate: unknown key`,
	} {
		t.Run(source, func(t *testing.T) {
			t.Parallel()
			got := refusals(t, source)
			if line, message, _ := strings.Cut(want, ": "); !strings.Contains(line, ":") {
				got = withoutColumn(got)
				want = line + ": " + message
			}
			if got != want {
				t.Errorf("\n%s\ngot  %s\nwant %s", source, got, want)
			}
		})
	}
}

// kindWith is a file with one kind whose third line begins with text.
func kindWith(text string) string {
	return "kinds:\n  - name: a\n    " + text + "\n    command: [x]\n"
}

// scheduleWith is a file with one schedule whose second line, the seventh of the file, is text.
func scheduleWith(text string) string {
	source := "kinds:\n  - name: a\n    command: [x]\n    input: {required: [m], properties: {m: {type: integer}}}\n" +
		"schedules:\n  - name: s\n    " + text + "\n"
	for _, line := range []string{"cron: '@daily'", "kind: a", "input: {m: 1}"} {
		if key, _, _ := strings.Cut(line, ":"); !strings.HasPrefix(text, key+":") {
			source += "    " + line + "\n"
		}
	}
	return source
}

// kindOf is a file with one kind whose third line is text.
func kindOf(text string) string { return "kinds:\n  - name: a\n    " + text + "\n" }

// routeWith is an http kind with another key in the fourth line.
func routeWith(text string) string {
	return kindOf(`http: {url: "https://a/b"}`) + "    " + text + "\n"
}

// issuerWith is a file with an issuer a line, in each of which one key is another than it should be.
func issuerWith(changes ...string) string {
	text := "server: {auth: {jwt: [\n"
	for i, change := range changes {
		changed, _, _ := strings.Cut(change, ":")
		for key, value := range map[string]string{
			"issuer": fmt.Sprint("app", i), "jwksUrl": "'https://a/'", "audience": "freshet", "algorithms": "[ES256]",
		} {
			if key != changed {
				change += ", " + key + ": " + value
			}
		}
		text += "  {" + change + "},\n"
	}
	return text + "]}}\n"
}

// poolWith is a file with a pool of Fly's in which one key, in the second line, is another than it should be.
func poolWith(change string) string {
	return poolOf("provider: fly", change, "app: acme-workers", "image: acme")
}

// jobWith is the same of Cloud Run.
func jobWith(change string) string {
	return poolOf("provider: cloudrun", change, "project: acme-prod", "location: asia-northeast1", "job: freshet-worker")
}

func poolOf(provider, change string, others ...string) string {
	text := "pools: {a: {" + provider + ",\n" + change
	changed, _, _ := strings.Cut(change, ":")
	for _, other := range others {
		if !strings.HasPrefix(other, changed+":") {
			text += ", " + other
		}
	}
	return text + "}}\n"
}

const imageForm = "an image such as registry.fly.io/acme@sha256:… with the 64 digits of its digest"

const algorithms = "RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA"

const ofCommands = "is for kinds with command: the route of an http kind runs in your app; remove it"

func withoutColumn(problem string) string {
	line, rest, _ := strings.Cut(problem, ":")
	_, message, _ := strings.Cut(rest, ":")
	return line + ":" + message
}

// The file of the design: what later versions bring is refused, each of it, and nothing else is.
func TestLaterVersions(t *testing.T) {
	t.Parallel()
	got := refusals(t, string(read(t, "design.yaml"))) + "\n"
	golden := filepath.Join("testdata", "design.txt")
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if want := string(read(t, "design.txt")); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for line := range strings.Lines(got) {
		if !strings.Contains(line, "not supported yet by this version") {
			t.Errorf("another complaint: %s", line)
		}
	}
}

func TestAllProblemsAreListedInOrder(t *testing.T) {
	t.Parallel()
	got := refusals(t, `kinds:
  - name: Bad
    command: [x]
    timeout: 5
    input: {type: 7}
  - nam: b
    pool: none
    command: ["{{input.x}}"]
pools:
  a: {slots: many}
`)
	var places []string
	for line := range strings.Lines(got) {
		place, _, _ := strings.Cut(strings.SplitN(line, ": ", 2)[1], ":")
		places = append(places, place)
	}
	want := "kinds[0].name kinds[0].timeout kinds[0].input.type kinds[1].nam kinds[1].name kinds[1].pool kinds[1].command[0] pools.a.slots"
	if strings.Join(places, " ") != want {
		t.Errorf("got\n%s", got)
	}
}

// A hostile file must neither hang nor exhaust the machine: the YAML library alone does both.
func TestHostileFilesEndSoon(t *testing.T) {
	t.Parallel()
	const full = 1 << 18
	for name, source := range map[string]string{
		"brackets":        strings.Repeat("[", full),
		"braces":          strings.Repeat("{a: ", full/4),
		"dashes":          strings.Repeat("- ", full/2),
		"question marks":  strings.Repeat("? ", full/2),
		"anchors":         strings.Repeat("&a ", full/3),
		"tags":            strings.Repeat("!t ", full/3),
		"many keys":       strings.Repeat("a: b\n", full/5),
		"billion laughs":  laughs(40),
		"too long":        strings.Repeat("#", 1<<20+1),
		"deep by indents": deepBlock(1400),
		"one long string": `a: "` + strings.Repeat("x", full-10) + `"`,
		"one long quote":  strings.Repeat("'", full),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			begin := time.Now()
			got := refusals(t, source)
			if got == "" || len(got) > 1<<16 {
				t.Errorf("got %d bytes of problems", len(got))
			}
			if spent := time.Since(begin); spent > 30*time.Second {
				t.Errorf("took %v", spent)
			}
			if name == "billion laughs" && !strings.Contains(got, "too large when its aliases are resolved") {
				t.Errorf("got %.200s", got)
			}
		})
	}
}
