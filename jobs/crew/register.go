package crew

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"

	"freshet/jobs/process"
)

// entry is a living process in the register, the file by which the next supervisor finds what this one
// left if it is killed.
type entry struct {
	Program    string        `json:"program"`
	Instance   int           `json:"instance"`
	ID         uuid.UUID     `json:"id"`
	PID        int           `json:"pid"`
	Birth      string        `json:"birth"`
	StopWithin time.Duration `json:"stopWithin"`
}

func (c *Crew) registerPath() string { return filepath.Join(c.Folder, "register.json") }

// record writes down who lives. That it cannot be written does not stop the crew.
func (c *Crew) record() {
	c.recording.Lock()
	defer c.recording.Unlock()
	entries := []entry{}
	for _, l := range c.alive() {
		if birth, err := process.Birth(l.body.PID()); err == nil {
			entries = append(entries, entry{
				l.program.Name, l.status.Instance, l.id, l.body.PID(), birth, l.program.stopWithin(),
			})
		}
	}
	if err := writeRegister(c.registerPath(), entries); err != nil {
		c.Report(Event{Text: err.Error(), Trouble: true})
	}
}

// writeRegister replaces the file, so that it is always whole.
func writeRegister(path string, entries []entry) error {
	text, err := json.Marshal(entries)
	if err != nil {
		return fmt.Errorf("write the register: %w", err)
	}
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		return fmt.Errorf("write the register: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("write the register: %w", err)
	}
	return nil
}

// readRegister reads who lived when an earlier supervisor wrote last.
func (c *Crew) readRegister() ([]entry, error) {
	text, err := os.ReadFile(c.registerPath())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the register: %w", err)
	}
	var entries []entry
	if err := json.Unmarshal(text, &entries); err != nil {
		return nil, fmt.Errorf("read the register %s: %w", c.registerPath(), err)
	}
	return entries, nil
}

// lives tells whether it is that very process which has the number now.
func (e entry) lives() bool {
	birth, err := process.Birth(e.PID)
	return err == nil && birth == e.Birth
}
