package embedded

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// archive makes an npm archive of the files.
func archive(t *testing.T, files map[string]string) string {
	t.Helper()
	var compressed bytes.Buffer
	zipped := gzip.NewWriter(&compressed)
	writer := tar.NewWriter(zipped)
	for name, body := range files {
		header := &tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(body))}
		if err := writer.WriteHeader(header); err != nil {
			t.Fatal(err)
		}
		if _, err := writer.Write([]byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zipped.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "archive.tgz")
	if err := os.WriteFile(path, compressed.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestUnpack(t *testing.T) {
	t.Parallel()
	into := filepath.Join(t.TempDir(), "package")
	err := unpack(archive(t, map[string]string{
		"package/native/bin/postgres":       "program",
		"package/native/lib/libx.so.1.2":    "library",
		"package/native/pg-symlinks.json":   `[{"source":"native/lib/libx.so.1.2","target":"native/lib/libx.so"}]`,
		"package/scripts/hydrate.js":        "not wanted",
		"package/native/share/deep/er/file": "data",
	}), into)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(into, "native/bin/postgres")); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("the program: %v, %v", info, err)
	}
	if target, err := os.Readlink(filepath.Join(into, "native/lib/libx.so")); err != nil || target != "libx.so.1.2" {
		t.Errorf("the link leads to %q, error %v", target, err)
	}
	if body, err := os.ReadFile(filepath.Join(into, "native/share/deep/er/file")); err != nil || string(body) != "data" {
		t.Errorf("the file has %q, error %v", body, err)
	}
	if _, err := os.Stat(filepath.Join(into, "scripts")); err == nil {
		t.Error("unpacked more than the programs")
	}
}

func TestUnpackStaysInside(t *testing.T) {
	t.Parallel()
	const links = "package/native/pg-symlinks.json"
	for name, files := range map[string]map[string]string{
		"a file outside":       {"package/native/../../../outside": "x", links: "[]"},
		"a link made outside":  {links: `[{"source":"native/lib/x","target":"../../outside"}]`},
		"a file through links": {links: `[{"source":"../..","target":"native/lib"},{"source":"x","target":"native/lib/outside"}]`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			err := unpack(archive(t, files), filepath.Join(root, "package"))
			if err == nil {
				t.Error("no error")
			}
			_ = filepath.WalkDir(root, func(path string, _ fs.DirEntry, _ error) error {
				if filepath.Base(path) == "outside" {
					t.Errorf("%s was made", path)
				}
				return nil
			})
		})
	}
}

// An npm that brings something else, by mistake or malice, must not be run.
func TestWrongArchiveIsRefused(t *testing.T) {
	t.Parallel()
	bin, cache := t.TempDir(), t.TempDir()
	npm := "#!/bin/sh\nwhile [ $# -gt 1 ]; do [ \"$1\" = --pack-destination ] && echo evil > \"$2/evil.tgz\"; shift; done\n"
	if err := os.WriteFile(filepath.Join(bin, "npm"), []byte(npm), 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := fetched(t.Context(), Options{CacheDir: cache, Environ: []string{"PATH=" + bin}, Progress: func(string) {}}, 0)
	if err == nil || !strings.Contains(err.Error(), "not the expected one") {
		t.Fatalf("got %v", err)
	}
	if left, _ := os.ReadDir(cache); len(left) != 0 {
		t.Fatalf("left %v", left)
	}
}

// The real package runs. It needs the registry, so it is asked for.
func TestFetched(t *testing.T) {
	t.Parallel()
	if os.Getenv("FRESHET_TEST_NPM") == "" {
		t.Skip("FRESHET_TEST_NPM is not set")
	}
	o := Options{
		CacheDir: openFolder(t), DataDir: t.TempDir(), Environ: os.Environ(),
		Progress: func(text string) { t.Log(text) },
	}
	b, err := fetched(t.Context(), o, 0)
	if err != nil {
		t.Fatal(err)
	}
	o.BinDir = b.bin
	if got := ask(t, start(t, o).URL(), `SHOW server_version_num`); !strings.HasPrefix(got, "17") {
		t.Fatalf("version %s", got)
	}
	o.Environ = nil // now from the cache
	if again, err := fetched(t.Context(), o, 0); err != nil || again != b {
		t.Fatalf("got %v, %v", again, err)
	}
}
