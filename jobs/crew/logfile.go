package crew

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
)

// keptLogs is how many full log files of an instance are kept, as NAME.log.1 and so on, the newest first.
const keptLogs = 3

// openLog opens a log for processes to append to.
func openLog(path string) (*os.File, error) {
	log, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	return log, nil
}

// rotate puts what is in a log aside once that is more than limit. Processes that append to the file go
// on with it, since it is copied and emptied; what they write between the last read and that is lost.
func rotate(path string, limit int64) (err error) {
	log, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("rotate log: %w", err)
	}
	defer log.Close()
	if info, err := log.Stat(); err != nil || info.Size() <= limit {
		return err
	}
	for n := keptLogs - 1; n > 0; n-- {
		if err := os.Rename(aside(path, n), aside(path, n+1)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("rotate log: %w", err)
		}
	}
	full, err := os.OpenFile(aside(path, 1), os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("rotate log: %w", err)
	}
	_, copied := io.Copy(full, log)
	if err := errors.Join(copied, full.Close()); err != nil {
		return fmt.Errorf("rotate log: %w", err)
	}
	if err := log.Truncate(0); err != nil {
		return fmt.Errorf("rotate log: %w", err)
	}
	return nil
}

func aside(path string, n int) string { return path + "." + strconv.Itoa(n) }
