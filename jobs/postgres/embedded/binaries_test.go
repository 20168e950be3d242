package embedded

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func TestFindFollowsLinks(t *testing.T) {
	t.Parallel()
	direct, err := find(t.Context(), Options{Environ: os.Environ()}, 0)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(direct.program("postgres"), filepath.Join(dir, "postgres")); err != nil {
		t.Fatal(err)
	}
	linked, err := find(t.Context(), Options{Environ: []string{"PATH=relative:" + dir}}, 0)
	if err != nil || linked != direct {
		t.Fatalf("got %v, error %v; want %v", linked, err, direct)
	}
}

func TestGivenFolderIsTheOnlyOne(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, err := find(t.Context(), Options{BinDir: dir, Environ: os.Environ()}, 0)
	if err == nil || !strings.Contains(err.Error(), "PostgreSQL in "+dir) {
		t.Fatalf("got %v", err)
	}
}

func TestVersions(t *testing.T) {
	t.Parallel()
	tests := []struct {
		have, data int
		want       string
	}{
		{15, 0, ""},
		{15, 15, ""},
		{15, 17, "the data was made by PostgreSQL 17, this is 15"},
		{13, 0, "version 13 is too old, 14 or later is needed"},
	}
	for _, test := range tests {
		got := ""
		if err := (binaries{major: test.have}).fits(test.data); err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("have %d, data of %d: %q, want %q", test.have, test.data, got, test.want)
		}
	}
}

// The message must say what to do, for the version that the data needs.
func TestNothingFits(t *testing.T) {
	t.Parallel()
	_, err := find(t.Context(), Options{CacheDir: t.TempDir()}, 9)
	if err == nil {
		t.Fatal("found PostgreSQL 9")
	}
	first, _, _ := strings.Cut(err.Error(), "\n")
	want := "apt-get install postgresql-9"
	if runtime.GOOS == "darwin" {
		want = "brew install postgresql@9"
	}
	if !strings.Contains(first, want) || !strings.Contains(err.Error(), "npm") {
		t.Fatalf("got %v", err)
	}
}

func TestSearchPath(t *testing.T) {
	t.Parallel()
	got := searchPath([]string{"HOME=/root", "PATH=/old", "PATH=/a:relative::/b"})
	if want := []string{"/a", "/b"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestVersionIn(t *testing.T) {
	t.Parallel()
	for dir, want := range map[string]int{
		"/usr/lib/postgresql/9/bin": 9, "/usr/lib/postgresql/15/bin": 15,
		"/opt/homebrew/opt/postgresql@17/bin": 17, "/Applications/Postgres.app/Contents/Versions/latest/bin": 0,
	} {
		if got := versionIn(dir); got != want {
			t.Errorf("%s: %d, want %d", dir, got, want)
		}
	}
}
