package jobs

import "time"

// ArtifactChunk is how many bytes of an artifact are stored together.
const ArtifactChunk = 1 << 20

// Artifact is a file that a task left to be kept.
type Artifact struct {
	ID          int64
	Attempt     int
	Name        string // slash-separated path below the artifacts folder
	Size        int64
	ContentType string
	SHA256      [32]byte
	CreatedAt   time.Time
}
