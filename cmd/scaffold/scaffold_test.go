package scaffold_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"freshet/cmd/scaffold"
	"freshet/config"
)

// app is a Next.js app of these files, by path.
func app(t *testing.T, files map[string]string) string {
	t.Helper()
	folder := t.TempDir()
	for name, text := range files {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

const (
	manifest = "{\n\t\"name\": \"a\",\n\t\"dependencies\": {\n\t\t\"next\": \"16\",\n\t\t\"react\": \"<19>\"\n\t},\n\t\"z\": [],\n\t\"b\": {}\n}\n"
	alias    = `{"compilerOptions": {"paths": {"@/*": ["./*"]}}}`
	srcAlias = `{"compilerOptions": {"paths": {"@/*": ["./src/*"]}}}`
)

// write is what init --next does; all files that there are then, by path.
func write(t *testing.T, folder string) map[string]string {
	t.Helper()
	files, err := scaffold.Next(folder, []byte("packed"))
	if err != nil {
		t.Fatal(err)
	}
	if err := scaffold.Write(folder, files); err != nil {
		t.Fatal(err)
	}
	return read(t, folder)
}

func read(t *testing.T, folder string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		name, _ := filepath.Rel(folder, path)
		all[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestNext(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		page, tsconfig, base, route string // route: how the token route imports lib/owner
	}{
		"app":                    {"app/page.tsx", alias, "", "'@/lib/owner'"},
		"src/app":                {"src/app/page.tsx", srcAlias, "src/", "'@/lib/owner'"},
		"src/app, alias of root": {"src/app/page.tsx", alias, "src/", "'../../../../lib/owner'"},
		"no alias":               {"app/page.tsx", `{}`, "", "'../../../../lib/owner'"},
		"comments":               {"app/page.tsx", "{ /* mine */ }", "", "'../../../../lib/owner'"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := app(t, map[string]string{"package.json": manifest, test.page: "", "tsconfig.json": test.tsconfig})
			files := write(t, folder)
			if route := files[test.base+"app/api/freshet/[...path]/route.ts"]; !strings.Contains(route, test.route) {
				t.Errorf("the route is\n%s", route)
			}
			if files["vendor/freshet-sdk.tgz"] != "packed" {
				t.Error("the SDK is not there")
			}
			settings, err := config.Load(filepath.Join(folder, "freshet.yaml"))
			if err != nil {
				t.Fatal(err)
			}
			report, _ := settings.Kind("report")
			if _, found := files[report.Command[2]]; !found {
				t.Errorf("the command is %q, and there is no such file", report.Command)
			}
		})
	}
}

func TestManifestKeepsItsOrderAndIndent(t *testing.T) {
	t.Parallel()
	files := write(t, app(t, map[string]string{"package.json": manifest, "app/page.tsx": "", "tsconfig.json": alias}))
	want := "{\n\t\"name\": \"a\",\n\t\"dependencies\": {\n\t\t\"@freshet/sdk\": \"file:./vendor/freshet-sdk.tgz\",\n\t\t\"next\": \"16\",\n" +
		"\t\t\"react\": \"<19>\"\n\t},\n\t\"z\": [],\n\t\"b\": {},\n\t\"devDependencies\": {\n\t\t\"tsx\": \"4.23.15\",\n\t\t\"yaml\": \"2.9.1\"\n\t}\n}\n"
	if got := files["package.json"]; got != want {
		t.Errorf("package.json is\n%s\nwant\n%s", got, want)
	}
}

func TestNextIsAllOrNothing(t *testing.T) {
	t.Parallel()
	before := map[string]string{"package.json": manifest, "app/freshet/page.tsx": "mine", "lib/owner.ts": "mine", "tsconfig.json": alias}
	folder := app(t, before)
	files, err := scaffold.Next(folder, []byte("packed"))
	if err != nil {
		t.Fatal(err)
	}
	var exists *scaffold.ExistsError
	if err := scaffold.Write(folder, files); !errors.As(err, &exists) || !slices.Equal(exists.Paths, []string{"app/freshet/page.tsx", "lib/owner.ts"}) {
		t.Errorf("error %v", err)
	}
	if after := read(t, folder); len(after) != len(before) || after["package.json"] != manifest {
		t.Errorf("something was written: %v", after)
	}
}

// A folder that cannot be made in the middle: what was written before is taken back.
func TestAFailureTakesBackWhatWasWritten(t *testing.T) {
	t.Parallel()
	folder := app(t, map[string]string{"package.json": manifest, "app/page.tsx": "", "tsconfig.json": alias, "tasks": "a file"})
	files, err := scaffold.Next(folder, []byte("packed"))
	if err != nil {
		t.Fatal(err)
	}
	if err := scaffold.Write(folder, files); err == nil {
		t.Fatal("no error")
	}
	if after := read(t, folder); len(after) != 4 || after["package.json"] != manifest {
		t.Errorf("something was left: %v", after)
	}
	if _, err := os.Stat(filepath.Join(folder, "lib")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder was left: %v", err)
	}
}

func TestNextRefuses(t *testing.T) {
	t.Parallel()
	for want, files := range map[string]map[string]string{
		"there is no package.json":     {"app/page.tsx": ""},
		"it is no JSON object":         {"package.json": "[]"},
		"has no dependency next":       {"package.json": `{"dependencies": {"react": "19"}}`, "app/page.tsx": ""},
		"neither app/ nor src/app/":    {"package.json": manifest, "pages/index.tsx": ""},
		"the files are TypeScript, an": {"package.json": manifest, "app/page.jsx": ""},
	} {
		if _, err := scaffold.Next(app(t, files), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}
