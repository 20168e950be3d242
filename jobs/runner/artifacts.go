package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"os"
	"path"
	"slices"
	"unicode"
	"unicode/utf8"
)

// Limits of what a task may leave.
const (
	maxArtifacts     = 1000
	maxArtifactBytes = 100 << 20 // of all together
	maxArtifactName  = 255
	maxArtifactDepth = 16
	maxEntries       = 10 * maxArtifacts // files and folders that are looked at
)

// saveArtifacts stores what the dead command left in its artifacts folder. What cannot be kept is named
// in the task's log.
func (a *attempt) saveArtifacts() {
	root, err := a.space.root.OpenRoot(artifactsName)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			a.refuseArtifacts("artifacts are not kept: " + err.Error())
		}
		return
	}
	defer root.Close()
	names, whole := listFiles(root)
	saved, room := 0, int64(maxArtifactBytes)
	for _, name := range names {
		if a.held.Err() != nil {
			return
		}
		if saved == maxArtifacts {
			whole = false
			break
		}
		size, err := a.saveArtifact(root, name, room)
		if err != nil {
			a.refuseArtifacts(fmt.Sprintf("artifact %q is not kept: %s", clip(a.secrets.String(name), maxArtifactName), err))
			continue
		}
		saved, room = saved+1, room-size
	}
	if !whole {
		a.refuseArtifacts(fmt.Sprintf("there are more artifacts than the %d that are kept", maxArtifacts))
	}
}

func (a *attempt) refuseArtifacts(text string) { a.spool.append(systemRecord(text)) }

// saveArtifact stores one file, if it may be, and answers how large it is. What is in it stays as it is; its
// name holds no secrets.
func (a *attempt) saveArtifact(root *os.Root, name string, room int64) (int64, error) {
	shown := a.secrets.String(name)
	if err := checkName(shown); err != nil {
		return 0, err
	}
	file, info, err := openRegular(root, name)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	if info.Size() > room {
		return 0, fmt.Errorf("its %d bytes are more than what is left of the %d that a task may leave", info.Size(), maxArtifactBytes)
	}
	kind, err := contentType(name, file)
	if err != nil {
		return 0, err
	}
	var unreadable error
	err = a.persist("save artifact", func(ctx context.Context) error {
		content := &source{from: io.NewSectionReader(file, 0, info.Size())}
		err := a.host.Sink.SaveArtifact(ctx, a.claim.Fence, shown, kind, content)
		if unreadable = content.err; unreadable != nil {
			return nil //nolint:nilerr // the file's fault, which another try would not mend
		}
		return err
	})
	return info.Size(), errors.Join(unreadable, err)
}

// source tells an error of the file from one of the Sink.
type source struct {
	from io.Reader
	err  error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.from.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// contentType goes by the name, and else by how the content begins.
func contentType(name string, file io.ReaderAt) (string, error) {
	if known := mime.TypeByExtension(path.Ext(name)); known != "" {
		return known, nil
	}
	const enough = 512
	beginning := make([]byte, enough)
	n, err := file.ReadAt(beginning, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	return http.DetectContentType(beginning[:n]), nil
}

// checkName refuses names that would harm whoever shows them.
func checkName(name string) error {
	switch {
	case len(name) > maxArtifactName:
		return fmt.Errorf("its name is longer than %d bytes", maxArtifactName)
	case !utf8.ValidString(name):
		return errors.New("its name is not UTF-8")
	}
	for _, r := range name {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029' {
			return fmt.Errorf("its name holds the control character %U", r)
		}
	}
	return nil
}

// listFiles lists what is no folder below root, sorted; whole is false when there was more. It reads
// folders in pieces, for a command can make millions of files.
func listFiles(root *os.Root) (names []string, whole bool) {
	type folder struct {
		name  string
		depth int
	}
	whole = true
	looked := 0
	for folders := []folder{{name: "."}}; len(folders) > 0; folders = folders[1:] {
		here := folders[0]
		entries, err := readFolder(root, here.name, maxEntries-looked)
		looked += len(entries)
		whole = whole && err == nil
		for _, entry := range entries {
			name := path.Join(here.name, entry.Name())
			switch {
			case !entry.IsDir():
				names = append(names, name)
			case here.depth < maxArtifactDepth:
				folders = append(folders, folder{name, here.depth + 1})
			default:
				whole = false
			}
		}
	}
	slices.Sort(names)
	return names, whole
}

// errMore says that a folder has more entries than were asked for.
var errMore = errors.New("more entries")

func readFolder(root *os.Root, name string, most int) ([]fs.DirEntry, error) {
	if most <= 0 {
		return nil, errMore
	}
	file, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	entries, err := file.ReadDir(most)
	if err == nil {
		if _, more := file.ReadDir(1); more == nil {
			err = errMore
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return entries, err
}
