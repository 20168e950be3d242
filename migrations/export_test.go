package migrations

import (
	"context"
	"io/fs"
)

// GuardKey is the lock that a test takes to stand for another process.
const GuardKey = int64(guardKey)

// Embedded are the files that Up runs.
func Embedded() fs.FS { return embedded }

// UpTo brings the database to the latest version of other files.
func UpTo(ctx context.Context, databaseURL string, files fs.FS, force bool) error {
	return up(ctx, databaseURL, files, force)
}
