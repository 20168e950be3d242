package migrations

// GuardKey is the lock that a test takes to stand for another process.
const GuardKey = int64(guardKey)
