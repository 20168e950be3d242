package config_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"go.uber.org/goleak"

	"freshet/config"
	"freshet/jobs"
	"freshet/jobs/kind"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const reportInput = `{"type": "object", "properties": {"startDate": {"type": "string"}}, "additionalProperties": false}`

func folder() fs.FS {
	return fstest.MapFS{
		"tasks/report.input.json": {Data: []byte(reportInput)},
		"tasks/input.yaml":        {Data: []byte("type: object\nproperties: {b: {type: string}, a: {type: integer}}\n")},
		"tasks/broken.json":       {Data: []byte(`{"type": `)},
		"tasks/wrong.json":        {Data: []byte(`{"properties": {"a": {"minLength": -1}}}`)},
		"tasks/broken.yaml":       {Data: []byte("a: [")},
		"tasks/empty.json":        {Data: []byte(" \n")},
		"tasks/long.json":         {Data: make([]byte, 1<<20+1)},
	}
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	source, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return source
}

func parse(t *testing.T, source string) *config.Config {
	t.Helper()
	got, err := config.Parse([]byte(source), "freshet.yaml", folder())
	if err != nil {
		t.Fatalf("refused:\n%v", err)
	}
	return got
}

const digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

const day = 24 * time.Hour

func TestParseFull(t *testing.T) {
	t.Parallel()
	retry := jobs.Retry{MaxAttempts: 5, Initial: time.Second, Factor: 1.5, Max: 5 * time.Minute, Jitter: 0.1}
	want := &config.Config{
		Path: "freshet.yaml", Folder: ".",
		Server: config.Server{
			PublicURL: "https://tasks.example.com", CORSOrigins: []string{"https://app.example.com"},
			RiverUI: &url.URL{Scheme: "https", User: url.UserPassword("ops", "s:cret"), Host: "ui.internal:8081"},
			TrustedProxies: []netip.Prefix{
				netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.7/32"), netip.MustParsePrefix("fd00::/8"),
			},
			Auth: config.Auth{Issuers: []jobs.Issuer{{
				Name: "https://app.example.com", KeysURL: "https://app.example.com/.well-known/jwks.json",
				Audience: "freshet", Algorithms: []string{"ES256", "EdDSA"},
			}, {
				Name: "dev", KeysURL: "http://localhost:3000/jwks?a=b", Audience: "freshet", Algorithms: []string{"RS256"},
			}}},
			Limits: config.Limits{TasksPerSecond: 20, OpenTasks: 10_000, Streams: config.NoLimit, Bytes: 10 << 30, ConnectionsPerAddress: 300},
		},
		Kinds: []jobs.Kind{{
			Name: "report", Description: "Monthly report as PDF",
			Command: []string{"npx", "tsx", "tasks/report.ts", "--from={{input.startDate}}"}, Cwd: "project",
			Input:  json.RawMessage(`{"type":"object","properties":{"startDate":{"type":"string"}},"additionalProperties":false}`),
			Output: json.RawMessage(`{"type":"object"}`),
			Env:    map[string]string{"REPORT_MODE": "full", "APP_URL": "${APP_URL:-http://127.0.0.1:3000}"},
			Pool:   "default", Timeout: 20 * time.Minute, Silence: 5 * time.Minute, QueueTTL: 24 * time.Hour,
			Grace: 15 * time.Second, Memory: 2 << 30, Retry: retry, LogBytes: 500_000_000,
			Processes: 64, OpenFiles: 256, Disk: 500_000_000,
		}, {
			Name: "thumbnail", Command: []string{"convert", "{{input.file}}"}, Cwd: "project",
			Input: json.RawMessage(`{"type":"object","required":["file"],"properties":{"file":{"type":"string"}}}`),
			Pool:  "heavy", Timeout: 30 * time.Minute, Grace: 10 * time.Second, Retry: retry, LogBytes: 64 << 20, Files: 250_000,
			Sandbox: &jobs.Sandbox{Read: []string{"/srv/assets"}, Write: []string{"./out"}, Ports: []int{443, 5432}},
		}, {
			Name: "invoice", HTTP: &jobs.HTTP{URL: "${APP_URL}/api/tasks/invoice", Timeout: 5 * time.Minute},
			Pool: "default", Timeout: 30 * time.Minute, Silence: time.Minute,
			Retry: jobs.Retry{MaxAttempts: 3, Initial: 5 * time.Second, Factor: 2, Max: 10 * time.Minute, Jitter: 0.2},
		}},
		PassEnv: map[string][]string{"report": {"DATABASE_URL"}}, ShowEnv: map[string][]string{"report": {"REPORT_MODE"}},
		Pools: []config.Pool{
			{Name: "default", Provider: "process", Slots: 4, Max: 2, IdleTimeout: time.Minute, Lease: time.Minute, StartsPerMinute: 60},
			{Name: "heavy", Provider: "none", Slots: 1, Max: 2, IdleTimeout: time.Minute, Lease: time.Minute, StartsPerMinute: 60, ChildUser: "freshet-tasks"},
			{
				Name: "agents", Provider: "fly", Slots: 4, Max: 20, IdleTimeout: time.Minute, Lease: time.Minute, StartsPerMinute: 10, HoursPerDay: 100,
				Fly: config.Fly{App: "acme-workers", Image: "registry.fly.io/acme@" + digest, Regions: []string{"nrt", "sin"}, Size: "performance-2x"},
			},
			{
				Name: "edge", Provider: "fly", Slots: 4, Max: 2, IdleTimeout: time.Minute, Lease: time.Minute, StartsPerMinute: 60,
				Fly: config.Fly{App: "acme-edge", Image: "${WORKER_IMAGE:-registry.fly.io/acme:latest}"},
			},
			{
				Name: "batch", Provider: "cloudrun", Slots: 1, Max: 2, IdleTimeout: time.Minute, Lease: time.Minute, StartsPerMinute: 60,
				CloudRun: config.CloudRun{Project: "acme-prod", Location: "asia-northeast1", Job: "freshet-worker"},
			},
		},
		Schedules: []jobs.Schedule{{
			Name: "nightly", Owner: "admin", Source: jobs.FromFile, Kind: "report", Input: json.RawMessage(`{"startDate":"2026-01-01"}`),
			Priority: jobs.Normal, Cron: "0 3 * * *", Timezone: "Asia/Tokyo", Missed: jobs.Skip,
		}, {
			Name: "thumbnails", Owner: "user-17", Source: jobs.FromFile, Kind: "thumbnail", Input: json.RawMessage(`{"file":"a.png"}`),
			Tags: []string{"auto"}, Priority: jobs.Low, Cron: "@hourly", Timezone: "UTC", Missed: jobs.RunOnce,
		}},
		Retention: jobs.Retention{Tasks: 90 * day, Logs: 7 * day, Artifacts: 30 * day},
	}
	if got := parse(t, string(read(t, "full.yaml"))); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	got := parse(t, "kinds: [{name: a, command: [x]}]")
	want := jobs.Kind{
		Name: "a", Command: []string{"x"}, Cwd: "project", Pool: "default", Timeout: 30 * time.Minute, Grace: 10 * time.Second,
		Retry:    jobs.Retry{MaxAttempts: 3, Initial: 5 * time.Second, Factor: 2, Max: 10 * time.Minute, Jitter: 0.2},
		LogBytes: 64 << 20, Processes: 1024, OpenFiles: 4096, Disk: 10 << 30, Files: 250_000,
	}
	if k, ok := got.Kind("a"); !ok || !reflect.DeepEqual(k, want) {
		t.Errorf("got %+v", k)
	}
	if p, ok := got.Pool("default"); !ok || p.Slots != 4 || p.Min != 0 || p.Max != 2 {
		t.Errorf("got %+v", p)
	}
	if _, ok := got.Kind("b"); ok {
		t.Error("there is a kind b")
	}
	if _, ok := got.Pool("b"); ok {
		t.Error("there is a pool b")
	}
}

func TestNearlyEmptyFiles(t *testing.T) {
	t.Parallel()
	for _, source := range []string{"", "\n# only a comment\n", "---\n", "{}", "kinds: []", "\ufeffkinds: []\r\n"} {
		if got := parse(t, source); len(got.Kinds) != 0 || len(got.Pools) != 1 {
			t.Errorf("%q: got %+v", source, got)
		}
	}
}

func TestYAMLConveniences(t *testing.T) {
	t.Parallel()
	got := parse(t, `
kinds:
  - &base
    name: first
    command: [x]
    timeout: 5m
    retry: {maxAttempts: 7}
    env: {ON: "yes", TEXT: no}
  - <<: *base
    name: second
    timeout: 6m
  - {<<: [{timeout: 1m}, *base], name: third, input: tasks/input.yaml}
`)
	first, second, third := got.Kinds[0], got.Kinds[1], got.Kinds[2]
	if second.Name != "second" || second.Timeout != 6*time.Minute || second.Retry != first.Retry || second.Env["TEXT"] != "no" {
		t.Errorf("got %+v", second)
	}
	if third.Timeout != time.Minute || string(third.Input) != `{"type":"object","properties":{"b":{"type":"string"},"a":{"type":"integer"}}}` {
		t.Errorf("got %+v", third)
	}
}

func TestEveryKindCompiles(t *testing.T) {
	t.Parallel()
	for _, spec := range parse(t, string(read(t, "full.yaml"))).Kinds {
		if _, err := kind.Compile(spec); err != nil {
			t.Errorf("%s: %v", spec.Name, err)
		}
	}
}

func TestLoad(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := errors.Join(
		os.Mkdir(filepath.Join(dir, "tasks"), 0o755),
		os.WriteFile(filepath.Join(dir, "tasks/report.input.json"), []byte(reportInput), 0o600),
		os.WriteFile(filepath.Join(dir, "freshet.yaml"), read(t, "full.yaml"), 0o600),
		os.WriteFile(filepath.Join(dir, "bad.yaml"), []byte("kind: []"), 0o600),
		os.WriteFile(filepath.Join(dir, "long.yaml"), make([]byte, 1<<20+1), 0o600),
	); err != nil {
		t.Fatal(err)
	}
	got, err := config.Load(filepath.Join(dir, "freshet.yaml"))
	if err != nil || got.Folder != dir || got.Path != filepath.Join(dir, "freshet.yaml") || len(got.Kinds) != 3 {
		t.Errorf("got %+v, %v", got, err)
	}
	bad := filepath.Join(dir, "bad.yaml")
	if _, err := config.Load(bad); err == nil || err.Error() != bad+`:1:1: kind: unknown key; did you mean "kinds"?` {
		t.Errorf("got %v", err)
	}
	if _, err := config.Load(filepath.Join(dir, "none.yaml")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if _, err := config.Load(filepath.Join(dir, "long.yaml")); err == nil || !strings.Contains(err.Error(), "longer than 1048576 bytes") {
		t.Errorf("got %v", err)
	}
}

func TestASchemaFileOutsideTheFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	inner := filepath.Join(dir, "project")
	if err := errors.Join(
		os.Mkdir(inner, 0o755),
		os.WriteFile(filepath.Join(dir, "secret.json"), []byte(`{}`), 0o600),
		os.WriteFile(filepath.Join(inner, "freshet.yaml"), []byte("kinds: [{name: a, command: [x], input: ../secret.json}]"), 0o600),
	); err != nil {
		t.Fatal(err)
	}
	if _, err := config.Load(filepath.Join(inner, "freshet.yaml")); err == nil || !strings.Contains(err.Error(), "must be a file inside the folder") {
		t.Errorf("got %v", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"kinds: [{name: a, command: [x]}]", "a: &a [*a]", "<<: {a: 1}", "? [a]\n: b", "a: |\n  x\n b", "{", "- - -", "%YAML 1.2\n---\n", "!!str a", "\x00",
	} {
		f.Add([]byte(seed))
	}
	for _, name := range []string{"full.yaml", "design.yaml"} {
		source, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(source)
	}
	f.Fuzz(func(t *testing.T, source []byte) {
		got, err := config.Parse(source, "freshet.yaml", folder())
		var problems config.Errors
		if err != nil && (!errors.As(err, &problems) || len(problems) == 0 || got != nil) {
			t.Fatalf("got %v, %v", got, err)
		}
		if err != nil {
			return
		}
		for _, spec := range got.Kinds {
			if _, err := kind.Compile(spec); err != nil {
				t.Fatalf("a kind that was let in does not compile: %v", err)
			}
		}
	})
}

func TestSandboxes(t *testing.T) {
	t.Parallel()
	for written, want := range map[string]*jobs.Sandbox{
		"":                  nil,
		"false":             nil,
		"true":              {},
		"{}":                {},
		"{network: any}":    {},
		"{network: none}":   {Ports: []int{}},
		"{network: [80]}":   {Ports: []int{80}},
		"{read: [a, /b c]}": {Read: []string{"a", "/b c"}},
	} {
		source := "kinds: [{name: a, command: [x]"
		if written != "" {
			source += ", sandbox: " + written
		}
		if got := parse(t, source+"}]").Kinds[0].Sandbox; !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %#v; want %#v", written, got, want)
		}
	}
}
