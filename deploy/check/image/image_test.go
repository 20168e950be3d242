// Package image builds the images of deploy/ without a container engine and without a registry, and compares
// the binary in them with one that is built elsewhere.
package image

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const (
	root    = "../../.."
	version = "check"
)

// run runs a program and answers what it printed.
func run(t *testing.T, folder, name string, args ...string) string {
	t.Helper()
	command := exec.Command(name, args...)
	command.Dir = folder
	// chroot and vfs ask for nothing of the kernel that a container or a build machine may not have.
	command.Env = append(os.Environ(), "BUILDAH_ISOLATION=chroot", "STORAGE_DRIVER=vfs", "CGO_ENABLED=0")
	output, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, output)
	}
	return strings.TrimSpace(string(output))
}

// build builds the binary in a folder as the Makefile and the Dockerfile do, and answers its SHA-256.
func build(t *testing.T, folder, version string) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "freshet")
	run(t, folder, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -X main.version="+version, "-o", binary, ".")
	return sum(t, binary)
}

func sum(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(data)
	return hex.EncodeToString(digest[:])
}

// source is a copy of the source in a folder of another name.
func source(t *testing.T) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "a", "folder", "of", "another", "name")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"api", "cmd", "config", "go.mod", "go.sum", "jobs", "main.go", "migrations"} {
		run(t, root, "cp", "-R", name, folder)
	}
	return folder
}

// TestBuildsAreEqual builds in two folders. What the compiler makes of a package is cached by its content, not
// by its folder, so most of it is compiled once; with an empty GOCACHE it takes a minute of two cores.
func TestBuildsAreEqual(t *testing.T) {
	here, there := build(t, root, version), build(t, source(t), version)
	if here != there {
		t.Errorf("the binaries differ: %s, %s", here, there)
	}
	if build(t, root, "another") == here {
		t.Error("another version is the same binary: nothing was compared")
	}
}

// base makes an image of what the Dockerfiles need of theirs: a shell, cp and the certificates.
func base(t *testing.T, name string) {
	t.Helper()
	container := run(t, root, "buildah", "from", "scratch")
	defer run(t, root, "buildah", "rm", container)
	files := []string{"/bin/sh", "/bin/cp", "/etc/ssl/certs/ca-certificates.crt"}
	for _, program := range files[:2] {
		for field := range strings.FieldsSeq(run(t, root, "ldd", program)) {
			if strings.HasPrefix(field, "/") {
				files = append(files, field)
			}
		}
	}
	for _, file := range files {
		target, err := filepath.EvalSymlinks(file)
		if err != nil {
			t.Fatal(err)
		}
		run(t, root, "buildah", "copy", container, target, file)
	}
	run(t, root, "buildah", "copy", container, t.TempDir(), "/tmp")
	run(t, root, "buildah", "config", "--env", "PATH=/usr/local/go/bin:/bin:/usr/bin", "--env", "GOTOOLCHAIN=local",
		"--env", "GOMODCACHE=/modules", "--env", "GOCACHE=/cache", container)
	run(t, root, "buildah", "commit", container, name)
}

// TestImages builds both images. Go, its modules and its cache are the machine's; the registries are not asked.
func TestImages(t *testing.T) {
	if _, err := exec.LookPath("buildah"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip("buildah is not installed")
	}
	if os.Getuid() != 0 {
		t.Skip("only root may build with chroot")
	}
	t.Setenv("CONTAINERS_STORAGE_CONF", storage(t))
	base(t, "localhost/base")
	args := []string{"build", "--pull-never", "--layers=false", "--format", "docker"}
	control := append(args, "-f", "deploy/Dockerfile", "-t", "localhost/freshet",
		"--build-arg", "GO_IMAGE=localhost/base", "--build-arg", "VERSION="+version)
	for name, inside := range map[string]string{"GOROOT": "/usr/local/go", "GOMODCACHE": "/modules", "GOCACHE": "/cache"} {
		control = append(control, "--volume", run(t, root, "go", "env", name)+":"+inside)
	}
	run(t, root, "buildah", append(control, ".")...)

	app := t.TempDir()
	for name, text := range map[string]string{"freshet.yaml": "kinds:\n  - {name: nothing, command: [/bin/true]}\n", "tool": "mine"} {
		if err := os.WriteFile(filepath.Join(app, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	file, err := filepath.Abs("../../worker.Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	run(t, app, "buildah", append(args, "-f", file, "-t", "localhost/worker",
		"--build-arg", "FRESHET=localhost/freshet", "--build-arg", "BASE=localhost/base", ".")...)

	want := build(t, root, version)
	for image, binary := range map[string]string{"localhost/freshet": "/freshet", "localhost/worker": "/usr/local/bin/freshet"} {
		container := run(t, root, "buildah", "from", "--pull-never", image)
		if user := run(t, root, "buildah", "inspect", "--format", "{{.OCIv1.Config.User}}", container); user != "65532:65532" {
			t.Errorf("%s runs as %q", image, user)
		}
		if got := run(t, root, "buildah", "run", container, binary, "--version"); !strings.Contains(got, version) {
			t.Errorf("%s says %q of its version", image, got)
		}
		run(t, root, "buildah", "run", container, binary, "worker", "--help")
		if got := sum(t, run(t, root, "buildah", "mount", container)+binary); got != want {
			t.Errorf("the binary of %s is %s, and one that is built outside %s", image, got, want)
		}
		run(t, root, "buildah", "umount", container)
	}
	container := run(t, root, "buildah", "from", "--pull-never", "localhost/worker")
	if got := run(t, root, "buildah", "run", container, "/usr/local/bin/freshet", "validate"); !strings.Contains(got, "freshet.yaml") {
		t.Errorf("the worker's image does not find its freshet.yaml: %q", got)
	}
}

// storage is a place of the test's own for images, and its configuration.
func storage(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	file := filepath.Join(folder, "storage.conf")
	text := "[storage]\ndriver = \"vfs\"\nrunroot = \"" + folder + "/run\"\ngraphroot = \"" + folder + "/graph\"\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
