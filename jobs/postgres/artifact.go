package postgres

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"freshet/jobs"
)

// SaveArtifact stores a file with an attempt, in chunks, in one transaction. Until the attempt ends
// nobody sees it. A file that was saved under this name before is replaced. The fence is checked last,
// so that no lock is held while the file is read. Errors: jobs.ErrFenced, and the reader's own.
func (s *Store) SaveArtifact(ctx context.Context, fence jobs.Fence, name, contentType string, content io.Reader) error {
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		var id, replaced int64
		err := tx.QueryRow(ctx, `
			WITH old AS (DELETE FROM freshet.artifacts WHERE task_id = $1 AND attempt = $2 AND name = $3 RETURNING size)
			SELECT nextval(pg_get_serial_sequence('freshet.artifacts', 'id')), coalesce((SELECT size FROM old), 0)`,
			fence.TaskID, fence.Attempt, name).Scan(&id, &replaced)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO freshet.artifacts (id, task_id, attempt, name, size, content_type, sha256)
			OVERRIDING SYSTEM VALUE VALUES ($1, $2, $3, $4, 0, $5, '')`, id, fence.TaskID, fence.Attempt, name, contentType)
		if err != nil {
			return err
		}
		size, digest, err := saveChunks(ctx, tx, id, content)
		if err != nil {
			return err
		}
		changed, err := tx.Exec(ctx, `
			WITH task AS MATERIALIZED (
				SELECT id, $3::uuid AS worker_id FROM freshet.tasks WHERE id = $1 FOR UPDATE
			), attempt AS MATERIALIZED (
				SELECT a.task_id FROM freshet.attempts a JOIN task ON a.task_id = task.id
				WHERE a.number = $2 AND `+fenced+` FOR UPDATE OF a
			), counted AS (
				UPDATE freshet.tasks t SET artifact_bytes = t.artifact_bytes + $5 - $7 FROM attempt WHERE t.id = attempt.task_id
			)
			UPDATE freshet.artifacts SET size = $5, sha256 = $6 WHERE id = $4 AND EXISTS (SELECT FROM attempt)`,
			fence.TaskID, fence.Attempt, fence.WorkerID, id, size, digest, replaced)
		if err == nil && changed.RowsAffected() == 0 {
			err = jobs.ErrFenced
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("save artifact %q of task %s: %w", name, fence.TaskID, err)
	}
	return nil
}

func saveChunks(ctx context.Context, tx pgx.Tx, artifact int64, content io.Reader) (size int64, digest []byte, err error) {
	hash := sha256.New()
	chunk := make([]byte, jobs.ArtifactChunk)
	for number := 0; ; number++ {
		n, err := io.ReadFull(content, chunk)
		if n > 0 {
			_, _ = hash.Write(chunk[:n]) // never fails
			size += int64(n)
			_, saveErr := tx.Exec(ctx, `INSERT INTO freshet.artifact_chunks (artifact_id, number, data) VALUES ($1, $2, $3)`,
				artifact, number, chunk[:n])
			if saveErr != nil {
				return 0, nil, saveErr
			}
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return size, hash.Sum(nil), nil
		}
		if err != nil {
			return 0, nil, err
		}
	}
}

// artifactColumns are what artifactRow scans.
const artifactColumns = `r.id, r.attempt, r.name, r.size, r.content_type, r.sha256, r.created_at`

// Artifacts lists the files that a task left, by name: of each name the one of the last attempt that
// has ended.
func (s *Store) Artifacts(ctx context.Context, task uuid.UUID) ([]jobs.Artifact, error) {
	rows, err := s.window.Query(ctx, `SELECT DISTINCT ON (r.name) `+artifactColumns+` FROM freshet.artifacts r
		JOIN freshet.attempts a ON a.task_id = r.task_id AND a.number = r.attempt
		WHERE r.task_id = $1 AND a.state = 'ended' ORDER BY r.name, r.attempt DESC`, task)
	if err != nil {
		return nil, fmt.Errorf("artifacts of task %s: %w", task, err)
	}
	artifacts, err := pgx.CollectRows(rows, artifactRow)
	if err != nil {
		return nil, fmt.Errorf("artifacts of task %s: %w", task, err)
	}
	return artifacts, nil
}

// Artifact reads one visible file's record, and its task. Errors: jobs.ErrNotFound.
func (s *Store) Artifact(ctx context.Context, id int64) (jobs.Artifact, error) {
	rows, err := s.window.Query(ctx, `SELECT `+artifactColumns+` FROM freshet.artifacts r
		JOIN freshet.attempts a ON a.task_id = r.task_id AND a.number = r.attempt
		WHERE r.id = $1 AND a.state = 'ended'`, id)
	if err != nil {
		return jobs.Artifact{}, fmt.Errorf("artifact %d: %w", id, err)
	}
	artifact, err := pgx.CollectExactlyOneRow(rows, artifactRow)
	if err = noRows(err); err != nil {
		return jobs.Artifact{}, fmt.Errorf("artifact %d: %w", id, err)
	}
	return artifact, nil
}

// WriteArtifact copies a file's content to w, chunk by chunk.
func (s *Store) WriteArtifact(ctx context.Context, id int64, w io.Writer) error {
	for number := 0; ; number++ {
		var chunk []byte
		err := s.window.QueryRow(ctx, `SELECT data FROM freshet.artifact_chunks WHERE artifact_id = $1 AND number = $2`,
			id, number).Scan(&chunk)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err == nil {
			_, err = w.Write(chunk)
		}
		if err != nil {
			return fmt.Errorf("read artifact %d: %w", id, err)
		}
	}
}

func artifactRow(row pgx.CollectableRow) (jobs.Artifact, error) {
	var artifact jobs.Artifact
	var digest []byte
	err := row.Scan(&artifact.ID, &artifact.Attempt, &artifact.Name, &artifact.Size, &artifact.ContentType,
		&digest, &artifact.CreatedAt)
	copy(artifact.SHA256[:], digest)
	return artifact, err
}
