// Package config reads freshet.yaml, the file in which a user says what kinds of tasks there are, how
// they run, and which pools of workers run them.
//
// The file is read strictly: what is not understood is refused, never ignored, with its line, its column
// and a mend. All problems are reported at once. One description of the file, made of shapes, serves
// both the reader and the JSON Schema that editors use.
//
// The package touches neither environment nor network; it reads the schema files that freshet.yaml names,
// below its own folder.
package config

import (
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"

	"freshet/jobs"
)

// Config is what a freshet.yaml says, its defaults filled in and its schemas inlined.
type Config struct {
	Path      string // of freshet.yaml; absolute after Load
	Folder    string // of freshet.yaml: the "project" that commands run in
	Server    Server
	Kinds     []jobs.Kind         // in the order of the file; each of them compiles
	PassEnv   map[string][]string // by name of kind: the variables that its command inherits
	ShowEnv   map[string][]string // by name of kind: the variables whose values are no secrets
	Pools     []Pool              // in the order of the file; "default" is always there
	Schedules []jobs.Schedule     // in the order of the file
	Retention jobs.Retention
}

// Server is what the API replicas need to know. Each empty field means its default.
type Server struct {
	PublicURL   string   // where users reach the API, without a slash at the end
	CORSOrigins []string // origins of web pages that may call the API
	Webhooks    Webhooks
	Limits      Limits

	DBSleep        bool           // whether the database is left alone while there is nothing to do
	RiverUI        *url.URL       // where River UI runs, perhaps with a user and password; nil: nowhere
	TrustedProxies []netip.Prefix // who may say, in X-Forwarded-For, whom a request comes from
	Auth           Auth
	Telemetry      Telemetry // of the workers, too
}

// Webhooks is where messages may be sent, besides to public addresses over https.
type Webhooks struct {
	Allow     []netip.Prefix // networks that are not public
	AllowHTTP bool
}

// Kind gives the kind of a name.
func (c *Config) Kind(name string) (jobs.Kind, bool) {
	i := slices.IndexFunc(c.Kinds, func(k jobs.Kind) bool { return k.Name == name })
	if i < 0 {
		return jobs.Kind{}, false
	}
	return c.Kinds[i], true
}

// Pool gives the pool of a name.
func (c *Config) Pool(name string) (Pool, bool) {
	i := slices.IndexFunc(c.Pools, func(p Pool) bool { return p.Name == name })
	if i < 0 {
		return Pool{}, false
	}
	return c.Pools[i], true
}

// Load reads the freshet.yaml at path, and the schema files it names. What is wrong with the content
// comes back as Errors; anything else is an error of the file system.
func Load(path string) (*Config, error) {
	config, _, err := LoadSources(path)
	return config, err
}

// LoadSources is Load for who wants to know when to load again: it also answers the paths of the files
// that the Config was made of, or would have been made of if they were there. They are known after an
// error, too.
func LoadSources(path string) (*Config, []string, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, nil, fmt.Errorf("find %s: %w", path, err)
	}
	folder := &witness{FS: os.DirFS(filepath.Dir(absolute)), folder: filepath.Dir(absolute)}
	source, err := readFile(folder, filepath.Base(absolute))
	if err != nil {
		return nil, folder.opened, fmt.Errorf("read %s: %w", path, err)
	}
	config, err := Parse(source, path, folder)
	if err != nil {
		return nil, folder.opened, err
	}
	config.Path, config.Folder = absolute, filepath.Dir(absolute)
	return config, folder.opened, nil
}

// Parse reads the text of a freshet.yaml. path names it in errors; folder is where the schema files are
// that it names, and may be nil when there are none. The error is of type Errors.
func Parse(source []byte, path string, folder fs.FS) (*Config, error) {
	r := &reader{file: path, folder: folder}
	var content file
	if root := r.parseYAML(source); root != nil {
		fileShape().read(r, place{}, root, &content)
		r.checkPools(&content)
		r.compile(content.kinds)
		r.checkSchedules(&content)
	}
	if len(r.problems) > 0 {
		return nil, r.sorted()
	}
	config := &Config{
		Path: path, Folder: filepath.Dir(path), Server: content.server,
		PassEnv: map[string][]string{}, ShowEnv: map[string][]string{}, Pools: content.pools, Retention: content.retention,
	}
	for _, entry := range content.kinds {
		config.Kinds = append(config.Kinds, entry.Kind)
		if len(entry.passEnv) > 0 {
			config.PassEnv[entry.Name] = entry.passEnv
		}
		if len(entry.showEnv) > 0 {
			config.ShowEnv[entry.Name] = entry.showEnv
		}
	}
	for _, entry := range content.schedules {
		config.Schedules = append(config.Schedules, entry.Schedule)
	}
	return config, nil
}

// readFile reads a file that must not be longer than maxSource.
func readFile(folder fs.FS, name string) (_ []byte, err error) {
	file, err := folder.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() {
		if closing := file.Close(); err == nil {
			err = closing
		}
	}()
	content, err := io.ReadAll(io.LimitReader(file, maxSource+1))
	if err == nil && len(content) > maxSource {
		err = fmt.Errorf("is longer than %d bytes", maxSource)
	}
	return content, err
}
