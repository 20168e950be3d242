package builtin

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// findChromium answers the path of the first browser of Chromium's family in the PATH of environ, or
// where macOS keeps it.
func findChromium(environ []string) (string, error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		for _, folder := range filepath.SplitList(variable(environ, "PATH")) {
			if path := filepath.Join(folder, name); filepath.IsAbs(path) && executable(path) {
				return path, nil
			}
		}
	}
	for _, path := range []string{
		"/Applications/Chromium.app/Contents/MacOS/Chromium",
		"/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
	} {
		if executable(path) {
			return path, nil
		}
	}
	return "", &Error{
		Code: "no_chromium",
		Message: "there is no Chromium in the worker's PATH; install it with " +
			`"apt-get install chromium" (Debian, Ubuntu) or "brew install --cask chromium" (macOS)`,
	}
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// variable answers the last value of a variable, as the system does.
func variable(environ []string, name string) string {
	for _, pair := range slices.Backward(environ) {
		if value, found := strings.CutPrefix(pair, name+"="); found {
			return value
		}
	}
	return ""
}

// chromium is the command that serves the DevTools protocol on stdin and stdout. Chromium reads it from
// descriptor 3 and writes it to 4, and only a shell can move them there; nothing of a task is in its
// words.
func chromium(path, profile string, sandbox bool) []string {
	command := []string{
		"/bin/sh", "-c", `exec "$@" 3<&0 4>&1 0</dev/null 1>&2`, "sh",
		path, "--headless", "--remote-debugging-pipe", "--user-data-dir=" + profile,
		"--no-first-run", "--no-default-browser-check",
		"--disable-background-networking", "--disable-component-update", "--disable-sync",
		"--disable-quic", "--disable-gpu",
		"--disable-dev-shm-usage", // a container's /dev/shm is too small for large pages
	}
	if !sandbox {
		command = append(command, "--no-sandbox")
	}
	return command
}

// inFolder is the environment of a Chromium that keeps its files where it runs. It makes a Unix socket
// below TMPDIR, and the path of a socket must be short: only a relative one is for certain.
func inFolder(environ []string) []string {
	others := slices.DeleteFunc(slices.Clone(environ), func(pair string) bool {
		return strings.HasPrefix(pair, "TMPDIR=")
	})
	return append(others, "TMPDIR=.")
}
