package builtin_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"freshet/cmd/builtin"
)

type pdfOutput struct {
	File  string
	Bytes int
	Pages int
}

// chromium skips a test where the browser or the reader of PDFs is missing; "make test" installs both.
func chromium(t *testing.T) {
	t.Helper()
	for _, either := range [][]string{{"chromium", "chromium-browser", "google-chrome"}, {"pdftotext"}, {"pdfinfo"}} {
		if !slices.ContainsFunc(either, installed) {
			t.Skipf("%s is not installed", either[0])
		}
	}
}

func installed(name string) bool {
	_, err := exec.LookPath(name)
	return err == nil
}

// read answers what poppler makes of the artifact: its text and its properties.
func read(t *testing.T, env builtin.Env) (text, info string) {
	t.Helper()
	path := filepath.Join(env.Artifacts, "page.pdf")
	said := make(map[string]string)
	for name, args := range map[string][]string{"pdftotext": {path, "-"}, "pdfinfo": {path}} {
		out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v: %s", name, err, out)
		}
		said[name] = string(out)
	}
	return said["pdftotext"], said["pdfinfo"]
}

func serve(t *testing.T, status int, page string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(page))
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func htmlFile(t *testing.T, page string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a page #1 100%.html")
	if err := os.WriteFile(path, []byte(page), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPageToPDF(t *testing.T) {
	t.Parallel()
	chromium(t)
	const a4, a4Landscape, letter = "595.92 x 841.92", "841.92 x 595.92", "612 x 792"
	twoPages := `<h1>One</h1><p style="break-before: page">Two<script>document.body.append(" drawn")</script>`
	for name, test := range map[string]struct {
		input string
		text  string
		size  string
		pages int
	}{
		"html":      {`{"html": ` + strconv.Quote(twoPages) + `}`, "drawn", a4, 2},
		"file":      {`{"file": ` + strconv.Quote(htmlFile(t, "Grüße")) + `, "format": "Letter"}`, "Grüße", letter, 1},
		"http":      {`{"url": "` + serve(t, http.StatusOK, "Served") + `", "landscape": true}`, "Served", a4Landscape, 1},
		"own style": {`{"html": "<style>@page { size: letter }</style>Styled"}`, "Styled", letter, 1},
		"overruled": {`{"html": "<style>@page { size: letter }</style>Styled", "format": "A4"}`, "Styled", a4, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := newEnv(t, test.input)
			var output pdfOutput
			succeed(t, builtin.PageToPDF, env, &output)
			text, info := read(t, env)
			if !strings.Contains(text, test.text) {
				t.Errorf("text %q, want %q in it", text, test.text)
			}
			if !strings.Contains(info, test.size) {
				t.Errorf("size is not %s in %s", test.size, info)
			}
			kept, err := os.Stat(filepath.Join(env.Artifacts, output.File))
			if err != nil || kept.Size() != int64(output.Bytes) {
				t.Errorf("output %+v, file %v, error %v", output, kept, err)
			}
			pages := "Pages:           " + strconv.Itoa(test.pages) + "\n"
			if output.Pages != test.pages || !strings.Contains(info, pages) {
				t.Errorf("%d pages, want %d; %s", output.Pages, test.pages, info)
			}
		})
	}
}

func TestPageToPDFFails(t *testing.T) {
	t.Parallel()
	chromium(t)
	for name, test := range map[string]struct {
		url   string
		code  string
		retry bool
	}{
		"no such page": {serve(t, http.StatusNotFound, "Not here"), "http_status", false},
		"server error": {serve(t, http.StatusBadGateway, "Not now"), "http_status", true},
		"no server":    {"http://" + closedPort(t), "not_loaded", true},
		"no host":      {"http://nowhere.invalid", "not_loaded", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := newEnv(t, `{"url": "`+test.url+`"}`)
			message := fail(t, builtin.PageToPDF, env, test.code, test.retry)
			if !strings.Contains(message, test.url) {
				t.Errorf("message %q does not name the page", message)
			}
			if left, err := os.ReadDir(env.Artifacts); err != nil || len(left) > 0 {
				t.Errorf("artifacts %v, error %v", left, err)
			}
		})
	}
}

// closedPort is an address where nobody listens.
func closedPort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

func TestPageToPDFBadInput(t *testing.T) {
	t.Parallel()
	for name, input := range map[string]string{
		"nothing":      `{}`,
		"two":          `{"html": "x", "url": "http://example.com"}`,
		"no such file": `{"file": "/nowhere/page.html"}`,
		"a folder":     `{"url": "file:///"}`,
		"other scheme": `{"url": "chrome://version"}`,
		"no host":      `{"url": "http://"}`,
		"an option":    `{"url": "--remote-debugging-port=1"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fail(t, builtin.PageToPDF, newEnv(t, input), "bad_input", false)
		})
	}
}

func TestNoChromium(t *testing.T) {
	t.Parallel()
	env := newEnv(t, `{"html": "x"}`)
	env.Environ = []string{"PATH=" + t.TempDir()}
	message := fail(t, builtin.PageToPDF, env, "no_chromium", false)
	if !strings.Contains(message, "apt-get install chromium") {
		t.Errorf("message %q does not say what to install", message)
	}
}

// A browser that dies at once is told by its own last words.
func TestBrokenChromium(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	script := "#!/bin/sh\necho 'libnss3.so: cannot open' >&2\nexit 127\n"
	if err := os.WriteFile(filepath.Join(folder, "chromium"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	env := newEnv(t, `{"html": "x"}`)
	env.Environ = []string{"PATH=" + folder}
	err := builtin.PageToPDF(t.Context(), env)
	if err == nil || !strings.Contains(err.Error(), "libnss3.so: cannot open") {
		t.Errorf("error %v, want the browser's own", err)
	}
}

// The folder for temporary files may be deep: deeper than the path of a Unix socket can be. It is left
// empty.
func TestDeepFolder(t *testing.T) {
	t.Parallel()
	chromium(t)
	deep := filepath.Join(t.TempDir(), strings.Repeat("deep/", 40))
	if err := os.MkdirAll(deep, 0o700); err != nil {
		t.Fatal(err)
	}
	env := newEnv(t, `{"html": "Found"}`)
	env.Environ = append(env.Environ, "TMPDIR="+deep)
	succeed(t, builtin.PageToPDF, env, new(pdfOutput))
	if left, err := os.ReadDir(deep); err != nil || len(left) > 0 {
		t.Errorf("left %v, error %v", left, err)
	}
}

// A cancelled task leaves no browser behind, even while the page keeps it waiting.
func TestPageToPDFStops(t *testing.T) {
	t.Parallel()
	chromium(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("enough")
	var once sync.Once
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		once.Do(func() { cancel(cause) })
		<-r.Context().Done() // the browser is gone
	}))
	defer server.Close()
	env := newEnv(t, `{"url": "`+server.URL+`"}`)
	if err := builtin.PageToPDF(ctx, env); !errors.Is(err, cause) {
		t.Fatalf("error %v, want the cause", err)
	}
}
