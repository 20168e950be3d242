package api

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"freshet/jobs"
	"freshet/jobs/postgres"
)

// taskInput names the task that an operation is about.
type taskInput struct {
	ID string `path:"id" doc:"Id of the task." example:"0193a5c2-7d3e-7c61-a1c9-6f7a1c0e9b42"`
}

// owned reads the task that a request names, with its payload, if the caller may see it.
func (s *Server) owned(ctx context.Context, text string) (jobs.Task, error) {
	return s.read(ctx, text, s.store.Task)
}

// ownedHead is owned for operations that need no payload, which may be long.
func (s *Server) ownedHead(ctx context.Context, text string) (jobs.Task, error) {
	return s.read(ctx, text, s.store.Head)
}

// read is where every operation on a task begins, and the one place that decides whose task it is.
func (s *Server) read(ctx context.Context, text string, from func(context.Context, uuid.UUID) (jobs.Task, error)) (jobs.Task, error) {
	id, err := parseID(text)
	if err != nil {
		return jobs.Task{}, err
	}
	limited, cancel := context.WithTimeout(ctx, s.limits.Work)
	defer cancel()
	const refusal = "The task belongs to another owner."
	task, err := look(limited, s, refusal, func(ctx context.Context) (jobs.Task, error) { return from(ctx, id) })
	if err != nil {
		return jobs.Task{}, err
	}
	if !caller(ctx).MayTouch(task.ID, task.Owner) {
		return jobs.Task{}, newProblem(codeForbidden, refusal)
	}
	return task, nil
}

// look reads what a request names, as its caller. What the database does not show him may be another's,
// which is refused otherwise than what there is not: so it is looked for once more, as everybody, and what
// that finds is refused and not handed on.
func look[T any](ctx context.Context, s *Server, refusal string, read func(context.Context) (T, error)) (T, error) {
	found, err := read(ctx)
	if !errors.Is(err, jobs.ErrNotFound) || !s.store.Narrows(ctx) {
		return found, err
	}
	if _, err := read(postgres.AsEverybody(ctx)); err != nil {
		return found, err
	}
	return found, newProblem(codeForbidden, refusal)
}

// parseID takes an id in the one form in which the API gives them.
func parseID(text string) (uuid.UUID, error) {
	id, err := uuid.Parse(text)
	if err != nil || id.String() != text {
		return uuid.Nil, newProblem(codeInvalidID, "")
	}
	return id, nil
}
