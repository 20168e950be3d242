package client

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Artifact is a file that a task left.
type Artifact struct {
	Name        string    `json:"name"` // slash-separated path
	Size        int64     `json:"size"`
	ContentType string    `json:"contentType"`
	SHA256      string    `json:"sha256"` // in hex
	URL         string    `json:"url"`    // needs no key, until ExpiresAt
	ExpiresAt   time.Time `json:"expiresAt"`
}

// Artifacts lists the files that a task left.
func (c *Client) Artifacts(ctx context.Context, id string) (Answer[List[Artifact]], error) {
	var list Answer[List[Artifact]]
	err := c.get(ctx, path("tasks", id, "artifacts"), nil, &list)
	return list, err
}

// Download copies a file to w, and fails unless all of it came and its digest is right; what w got
// before is then worth nothing. The API key is not sent: the address is signed.
func (c *Client) Download(ctx context.Context, artifact Artifact, w io.Writer) error {
	target, err := c.base.Parse(artifact.URL)
	if err != nil {
		return fmt.Errorf("address of artifact %s: %w", artifact.Name, err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return fmt.Errorf("make the request: %w", err)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return c.unanswered(ctx, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(response.Body, maxRefusal))
		return problem(response, body)
	}
	digest := sha256.New()
	if _, err := io.Copy(io.MultiWriter(w, digest), response.Body); err != nil {
		return fmt.Errorf("download artifact %s: %w", artifact.Name, err)
	}
	want, err := hex.DecodeString(artifact.SHA256)
	if err != nil || !bytes.Equal(digest.Sum(nil), want) {
		return fmt.Errorf("download artifact %s: its content is not what the server recorded (sha256)", artifact.Name)
	}
	return nil
}
