package cmd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestVisible(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                              "",
		"plain, ünïcode 日本\n\tand\r\n":  "plain, ünïcode 日本\n\tand\r\n",
		"\x1b]0;title\x07":              `\x1b]0;title\x07`,
		"\x1b[2J\x00\x08\x7f":           `\x1b[2J\x00\x08\x7f`,
		"C1 as text \u009b31m":          `C1 as text \u009b31m`,
		"C1 as a byte \x9b31m":          `C1 as a byte \x9b31m`,
		"a real replacement \ufffd":     "a real replacement \ufffd",
		"both \x1b \u009b \xff and 日\n": `both \x1b \u009b \xff and 日` + "\n",
	} {
		if got := visible(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}

func TestLine(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"short": "short", "two\n\t lines": "two lines", "日本日本日本日本日本日本": "日本日本日本日本日…", "\x1b[1m": `\x1b[1m`,
	} {
		if got := line(text, 10); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}

func TestOnlyATerminalIsGuarded(t *testing.T) {
	t.Parallel()
	a := &app{}
	a.Lookup = func(string) (string, bool) { return "", false }
	var pipe strings.Builder
	if _, err := a.screen(&pipe, false).Write([]byte("\x1b[1m\xff")); err != nil || pipe.String() != "\x1b[1m\xff" {
		t.Errorf("a pipe got %q, %v", pipe.String(), err)
	}
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if a.isTerminal(file) {
		t.Error("a file was taken for a terminal")
	}
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no terminal here: %v", err)
	}
	defer terminal.Close()
	if !a.isTerminal(terminal) {
		t.Error("a terminal was not taken for one")
	}
	if _, guarded := a.screen(terminal, false).(visibleWriter); !guarded {
		t.Error("a terminal gets control characters")
	}
	if _, guarded := a.screen(terminal, true).(visibleWriter); guarded {
		t.Error("--raw does nothing")
	}
	a.Lookup = func(string) (string, bool) { return "dumb", true }
	if a.isTerminal(terminal) {
		t.Error("a dumb terminal was taken for one that can draw")
	}
}

func TestFindServer(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := findServer("", "", folder); err == nil || !strings.Contains(err.Error(), "freshet dev") {
		t.Errorf("without any address: %v", err)
	}
	if _, _, err := findServer("http://env", "", folder); err == nil || !strings.Contains(err.Error(), "FRESHET_API_KEY") {
		t.Errorf("without any key: %v", err)
	}
	write("url", "http://folder\n")
	if _, _, err := findServer("", "", folder); err == nil || !strings.Contains(err.Error(), "FRESHET_API_KEY") {
		t.Errorf("without a key in the folder: %v", err)
	}
	write("api-key", "folder-key\n")
	for _, test := range []struct{ url, key, wantURL, wantKey string }{
		{"", "", "http://folder", "folder-key"},
		{"", "env-key", "http://folder", "env-key"},
		{"http://env", "env-key", "http://env", "env-key"},
	} {
		url, key, err := findServer(test.url, test.key, folder)
		if err != nil || url != test.wantURL || key != test.wantKey {
			t.Errorf("%+v: %q, %q, %v", test, url, key, err)
		}
	}
	if _, key, err := findServer("http://elsewhere", "", folder); err == nil {
		t.Errorf("the folder's key %q would go to another server", key)
	}
}

func TestReadInput(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "in.json")
	if err := os.WriteFile(file, []byte("{\"a\": 1}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	a := &app{}
	a.Stdin = strings.NewReader(` ["stdin"] `)
	for text, want := range map[string]string{`{"n":1.0}`: `{"n":1.0}`, "@" + file: `{"a": 1}`, "-": `["stdin"]`} {
		if got, err := a.readInput(text); err != nil || string(got) != want {
			t.Errorf("%s: %s, %v", text, got, err)
		}
	}
	for text, want := range map[string]string{
		"":                              "--input, line 1, column 1: is empty",
		"{\"a\": 1,\n \"b\": nul}":      "--input, line 2, column ",
		"{\"a\": {\"x\": 1, \"x\": 2}}": "/a/x stands twice",
		"@" + file + "x":                "no such file",
		`{"a":` + strings.Repeat(" ", 1<<20) + `1}`: "longer than 1048576 bytes",
	} {
		_, err := a.readInput(text)
		if err == nil || !strings.Contains(err.Error(), want) || a.exitCodeOf(err) != exitUsage {
			t.Errorf("%.40s: %v, want %q and exit code 2", text, err, want)
		}
	}
}

// exitCodeOf is exitCode without the message.
func (a *app) exitCodeOf(err error) int {
	quiet := &app{}
	quiet.Stderr = &strings.Builder{}
	return quiet.exitCode(err)
}
