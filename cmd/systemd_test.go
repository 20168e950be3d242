package cmd_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestSystemdUnits has systemd read the units. It says what it does not understand, and exits with 0 all
// the same, so that any word is too many. The test is skipped where it is not, but not in CI.
func TestSystemdUnits(t *testing.T) {
	t.Parallel()
	tool, err := exec.LookPath("systemd-analyze")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip("systemd-analyze is not installed")
	}
	units, err := filepath.Glob("../deploy/systemd/freshet*")
	if err != nil || len(units) < 4 {
		t.Fatalf("units: %v, %v", units, err)
	}
	for _, unit := range units {
		text, err := os.ReadFile(unit)
		if err != nil {
			t.Fatal(err)
		}
		if said := verify(t, tool, filepath.Base(unit), string(text)); said != "" {
			t.Errorf("%s:\n%s", unit, said)
		}
		runsCommands := !strings.Contains(unit, "freshet-api.")
		for _, bound := range []string{"\nTasksMax=4096\n", "\nIPAddressDeny=169.254.169.254 fd00:ec2::254\n"} {
			if runsCommands && !strings.Contains(string(text), bound) {
				t.Errorf("%s does not bound the commands of tasks by %q", unit, bound)
			}
		}
		// The check finds mistakes.
		broken := strings.Replace(string(text), "\n[Install]", "NoSuchKey=yes\n\n[Install]", 1)
		if said := verify(t, tool, filepath.Base(unit), broken); !strings.Contains(said, "NoSuchKey") {
			t.Errorf("%s: an unknown key is not found: %q", unit, said)
		}
	}
}

// verify is what systemd-analyze says of a unit in a file system of its own.
func verify(t *testing.T, tool, name, text string) string {
	t.Helper()
	root := t.TempDir()
	files := map[string]string{
		"/etc/systemd/system/" + name: text,
		"/usr/local/bin/freshet":      "", "/bin/kill": "", "/etc/freshet/environment": "",
		"/etc/passwd": "root:x:0:0::/:/bin/sh\nfreshet:x:900:900::/:/bin/false\n", "/etc/group": "freshet:x:900:\n",
	}
	for _, target := range []string{
		"network-online.target", "multi-user.target", "sockets.target", "sysinit.target", "basic.target",
		"shutdown.target", "network.target", "system.slice", "-.slice", "postgresql.service",
	} {
		files["/usr/lib/systemd/system/"+target] = "[Unit]\nDescription=A stand-in\nDefaultDependencies=no\n"
	}
	files["/usr/lib/systemd/system/postgresql.service"] += "[Service]\nExecStart=/bin/kill\n"
	if name == "freshet-api.socket" {
		service, err := os.ReadFile("../deploy/systemd/freshet-api.service")
		if err != nil {
			t.Fatal(err)
		}
		files["/etc/systemd/system/freshet-api.service"] = string(service)
	}
	for path, content := range files {
		if err := os.MkdirAll(filepath.Dir(root+path), 0o755); err != nil {
			t.Fatal(err)
		}
		mode := os.FileMode(0o644)
		if strings.Contains(path, "/bin/") {
			mode = 0o755
		}
		if err := os.WriteFile(root+path, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
	}
	command := exec.Command(tool, "verify", "--man=no", "--root="+root, strings.Replace(name, "@.", "@default.", 1))
	command.Env = append(os.Environ(), "SYSTEMD_LOG_LEVEL=warning")
	said, err := command.CombinedOutput()
	if err != nil {
		said = append(said, err.Error()...)
	}
	return string(said)
}
