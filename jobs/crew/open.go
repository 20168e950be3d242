package crew

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	defaultLogSize  = 16 << 20
	defaultWatchdog = 30 * time.Second
	// longestSocket is how long the path of a Unix socket may be on every system, less our names.
	longestSocket = 104 - len("/notify-9999999")
)

// Open makes a crew that uses a folder alone: ErrInUse if another does. What an earlier supervisor left
// running is told to stop; it is waited for by Close. What ended with that supervisor, as all does when a
// machine loses its power, is reported. Run may begin at once.
func Open(config Config) (_ *Crew, err error) {
	config.LogSize = cmp.Or(config.LogSize, defaultLogSize)
	config.Watchdog = cmp.Or(config.Watchdog, defaultWatchdog)
	c := &Crew{
		Config: config, sockets: config.Folder, orders: make(chan order), ended: make(chan struct{}),
		roster: map[string]Program{}, scaled: map[string]int{},
		slots: map[place]*slot{}, lives: map[*life]struct{}{}, tallies: map[string]Tally{},
	}
	c.launch = c.execute
	for _, folder := range []string{c.Folder, c.Logs} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return nil, fmt.Errorf("open the crew's folder: %w", err)
		}
	}
	if err := c.lockFolder(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			c.Close()
		}
	}()
	if err := c.openSockets(); err != nil {
		return nil, err
	}
	entries, err := c.readRegister()
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if e.lives() {
			c.inherit(e)
		} else {
			c.vanished(e)
		}
	}
	return c, nil
}

// Close waits for what an earlier supervisor left, and gives the folder back. It is for after Run.
func (c *Crew) Close() {
	c.living.Wait()
	if c.sockets != c.Folder {
		_ = os.RemoveAll(c.sockets)
	}
	_ = c.lock.Close()
}

// lockFolder keeps other supervisors away as long as this process lives.
func (c *Crew) lockFolder() error {
	file, err := os.OpenFile(filepath.Join(c.Folder, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("lock the crew's folder: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer file.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return fmt.Errorf("%w: %s", ErrInUse, c.Folder)
		}
		return fmt.Errorf("lock the crew's folder: %w", err)
	}
	c.lock = file
	return nil
}

// openSockets makes room for the sockets of the instances: in the folder, unless its name is too long.
func (c *Crew) openSockets() error {
	if len(c.Folder) > longestSocket {
		folder, err := os.MkdirTemp("", "freshet-")
		if err != nil {
			return fmt.Errorf("make a folder for sockets: %w", err)
		}
		c.sockets = folder
		return nil
	}
	entries, err := os.ReadDir(c.Folder)
	if err != nil {
		return fmt.Errorf("open the crew's folder: %w", err)
	}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), "notify-") { // a killed supervisor's
			_ = os.Remove(filepath.Join(c.Folder, entry.Name()))
		}
	}
	return nil
}
