package api

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"freshet/jobs"
)

func (s *Server) taskRoutes(r *routes) {
	handle(r, operation{
		id: "list-tasks", method: http.MethodGet, path: "/v1/tasks", tag: "tasks", scope: jobs.ScopeRead, browser: true,
		summary: "List tasks, newest first",
		detail:  "Without their inputs and outputs. An admin sees everybody's. Follow nextCursor until it is absent.",
		refuses: []code{codeBadCursor, codeForbidden},
	}, s.listTasks)
	handle(r, operation{
		id: "get-task", method: http.MethodGet, path: "/v1/tasks/{id}", tag: "tasks", scope: jobs.ScopeRead, browser: true,
		summary: "Read a task, or wait for it",
		detail: "With wait the answer comes as soon as the task has changed or ended, or when the time is up. " +
			"A task that has ended is not waited for.",
		long: true,
		also: map[int]string{http.StatusNotModified: "It is still as If-None-Match says."},
	}, s.getTask)
}

// pollEvery is how often a waiting request reads again when no hint comes: hints can be lost.
const pollEvery = time.Second

type getTaskInput struct {
	ID          string `path:"id" doc:"Id of the task." example:"0193a5c2-7d3e-7c61-a1c9-6f7a1c0e9b42"`
	Wait        string `query:"wait" example:"30s" doc:"How long to wait; more than 60s is 60s."`
	After       int64  `query:"after" minimum:"-1" default:"-1" doc:"The seq that is known: a higher one is a change. -1 is the present one."`
	Until       string `query:"until" enum:"change,end" default:"change" doc:"What to wait for."`
	IfNoneMatch string `header:"If-None-Match" doc:"The ETag that is known."`
}

type getTaskOutput struct {
	Status       int
	ETag         string `header:"ETag"`
	CacheControl string `header:"Cache-Control"`
	Body         *taskView
}

func (s *Server) getTask(ctx context.Context, in *getTaskInput) (*getTaskOutput, error) {
	if err := s.await(ctx, in); err != nil {
		return nil, err
	}
	task, err := s.owned(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	output := &getTaskOutput{Status: http.StatusOK, ETag: etag(task), CacheControl: "private, no-cache"}
	if matches(in.IfNoneMatch, output.ETag) {
		output.Status = http.StatusNotModified
		return output, nil
	}
	view := s.view(task)
	output.Body = &view
	return output, nil
}

// await returns when what the request waits for has come, or the time is up.
func (s *Server) await(ctx context.Context, in *getTaskInput) error {
	if in.Wait == "" {
		return nil
	}
	wait, ok := parseDuration(in.Wait)
	if !ok {
		return newProblem(codeInvalidParameter, "", fault{"/query/wait", "format", "must be a duration such as 30s"})
	}
	id, err := parseID(in.ID)
	if err != nil {
		return err
	}
	hints := s.hub.Subscribe(id)
	defer hints.Close()
	timeUp := time.NewTimer(min(wait, s.limits.Wait))
	defer timeUp.Stop()
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	for after := in.After; ; {
		task, err := s.ownedHead(ctx, in.ID)
		if err != nil || task.State.Ended() || in.Until == "change" && after >= 0 && task.Seq > after {
			return err
		}
		if after < 0 {
			after = task.Seq
		}
		select {
		case <-hints.C:
		case <-poll.C:
		case <-timeUp.C:
			return nil
		case <-s.stopping:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// etag changes with the task: with its seq, and with why it waits, which is no event.
func etag(task jobs.Task) string {
	if task.Wait == nil {
		return fmt.Sprintf(`W/"%d"`, task.Seq)
	}
	return fmt.Sprintf(`W/"%d-%s"`, task.Seq, task.Wait.Reason)
}

// matches tells whether an If-None-Match header names the tag.
func matches(header, tag string) bool {
	for known := range strings.SplitSeq(header, ",") {
		known = strings.TrimSpace(known)
		if known == "*" || strings.TrimPrefix(known, "W/") == strings.TrimPrefix(tag, "W/") {
			return true
		}
	}
	return false
}
