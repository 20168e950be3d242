package api

import (
	"context"
	"fmt"
	"net/http"
	"reflect"

	"github.com/google/uuid"

	"freshet/jobs"
	"freshet/jobs/tracing"
)

func (s *Server) submitRoutes(r *routes) {
	refuses := append(overLimits(), codeInvalidRequest, codeInvalidInput, codeUnknownKind, codeForbidden, codeConflict)
	handle(r, operation{
		id: "submit-task", method: http.MethodPost, path: "/v1/tasks", tag: "tasks", scope: jobs.ScopeWrite,
		summary: "Submit a task",
		detail: "The task is stored when the answer comes, and runs as soon as a worker is free. " +
			"With an idempotencyKey the same submit can be sent again and again, and makes one task.",
		body: reflect.TypeFor[submitRequest](), example: submitExample(), status: http.StatusAccepted,
		also:    map[int]string{http.StatusOK: "A replay: the task that the same key made before."},
		refuses: refuses, plain: true, // the task has its owner and its time
	}, s.submit)
	handle(r, operation{
		id: "submit-tasks", method: http.MethodPost, path: "/v1/tasks/batch", tag: "tasks", scope: jobs.ScopeWrite,
		summary: "Submit up to 1,000 tasks, all or none",
		detail:  "The tasks come back in the order of the request. Of a refused batch nothing is stored.",
		body:    reflect.TypeFor[batchRequest](), bodySize: batchBody, status: http.StatusAccepted,
		refuses: refuses, plain: true,
	}, s.submitBatch)
}

func submitExample() any {
	return map[string]any{"kind": "report", "input": map[string]any{"startDate": "2026-01-01"}, "idempotencyKey": "report-2026-01"}
}

type submitOutput struct {
	Status   int
	Location string `header:"Location" doc:"Address of the task."`
	Replayed string `header:"Idempotency-Replayed" enum:"true" doc:"Set when the task was there before."`
	Body     taskView
}

// submitted adds to a task what only its submitter gets.
func (s *Server) submitted(ctx context.Context, task taskView) (taskView, error) {
	token, until, err := s.tokens.forTask(callOf(ctx), task.ID, task.Owner)
	task.ReadToken, task.ReadTokenExpiresAt = token, &until
	return task, err
}

func (s *Server) submit(ctx context.Context, _ *struct{}) (*submitOutput, error) {
	request, err := readBody[submitRequest](ctx)
	if err != nil {
		return nil, err
	}
	order, err := s.prepare(ctx, request)
	if err != nil {
		return nil, err
	}
	return s.place(ctx, order)
}

// freedTries bounds how often a submit is tried again whose key was freed between its two statements.
const freedTries = 5

// place stores an order and answers with the new task, or with the one that its key made before.
func (s *Server) place(ctx context.Context, order order) (*submitOutput, error) {
	if err := s.afford(ctx, order); err != nil {
		return nil, err
	}
	ctx, span := s.tracer.Start(ctx, tracing.Produces, "submit "+order.Kind,
		tracing.Text(tracing.Kind, order.Kind), tracing.Text(tracing.Pool, order.Pool), tracing.Text(tracing.Task, order.ID.String()))
	defer span.End()
	order.Trace = tracing.Parent(ctx)
	for range freedTries {
		submitted, err := s.store.Submit(ctx, order.Submission)
		if err != nil {
			return nil, unsure(err)
		}
		output := &submitOutput{Status: http.StatusAccepted, Location: s.link(taskPath(submitted.ID))}
		switch {
		case submitted.Conflict && submitted.ID == uuid.Nil:
			continue
		case submitted.Conflict:
			return nil, conflict(fault{"/idempotencyKey", "conflict", "made task " + submitted.ID.String() + " with another content"})
		case submitted.Replayed:
			task, err := s.store.Task(ctx, submitted.ID)
			if err != nil {
				return nil, err
			}
			output.Status, output.Replayed = http.StatusOK, "true"
			output.Body, err = s.submitted(ctx, s.view(task))
			return output, err
		default:
			output.Body, err = s.submitted(ctx, s.view(order.task()))
			return output, err
		}
	}
	return nil, jobs.ErrBusy
}

// overLimits are what whoever submits too much is refused with.
func overLimits() []code { return []code{codeRateLimited, codeTooManyTasks, codeQuotaExceeded} }

// afford takes what orders need from their owners' allowances. The error may be a problem.
func (s *Server) afford(ctx context.Context, orders ...order) error {
	needs := make([]need, len(orders))
	for i, order := range orders {
		needs[i] = need{order.Owner, 1, int64(len(order.Input))}
	}
	return s.allowed.take(ctx, byOwner(needs)...)
}

// unsure tells who submitted to a database that did not answer what that means.
func unsure(err error) error {
	if !databaseAway(err) {
		return err
	}
	answer := problemOf(err)
	answer.Detail = "The database does not answer, so it is not known whether the task was stored. " +
		"With an idempotencyKey the same submit can be sent again, and makes one task."
	return answer
}

func conflict(faults ...fault) *problem { return newProblem(codeConflict, "", faults...) }

// maxBatch is how many tasks one batch may have.
const maxBatch = 1000

type batchRequest struct {
	Tasks []submitRequest `json:"tasks" minItems:"1" maxItems:"1000" nullable:"false"`
}

type batchOutput struct {
	Body list[taskView]
}

func (s *Server) submitBatch(ctx context.Context, _ *struct{}) (*batchOutput, error) {
	request, err := readBody[batchRequest](ctx)
	if err != nil {
		return nil, err
	}
	if len(request.Tasks) == 0 || len(request.Tasks) > maxBatch {
		return nil, newProblem(codeInvalidRequest, "", fault{"/tasks", "maxItems", fmt.Sprintf("must have 1 to %d tasks", maxBatch)})
	}
	orders, err := s.prepareAll(ctx, request.Tasks)
	if err != nil {
		return nil, err
	}
	if err := s.afford(ctx, orders...); err != nil {
		return nil, err
	}
	ctx, span := s.tracer.Start(ctx, tracing.Produces, "submit", tracing.Number(tracing.Tasks, len(orders)))
	defer span.End()
	submissions := make([]jobs.Submission, len(orders))
	for i, order := range orders {
		submissions[i] = order.Submission
		submissions[i].Trace = tracing.Parent(ctx)
	}
	submitted, err := s.store.SubmitAll(ctx, submissions)
	if err != nil {
		return nil, unsure(err)
	}
	return s.batchAnswer(ctx, orders, submitted)
}

// prepareAll prepares all orders of a batch, and reports what is wrong with each that cannot be.
func (s *Server) prepareAll(ctx context.Context, requests []submitRequest) ([]order, error) {
	orders := make([]order, len(requests))
	var refused *problem
	for i, request := range requests {
		var err error
		if orders[i], err = s.prepare(ctx, request); err == nil {
			continue
		}
		wrong := problemOf(err)
		if len(wrong.Errors) == 0 {
			return nil, wrong // nothing of this one task's
		}
		if refused == nil {
			refused = newProblem(wrong.Code, "")
		}
		for _, f := range wrong.Errors {
			f.Pointer = batchPointer(i, f.Pointer)
			refused.Errors = append(refused.Errors, f)
		}
		if len(refused.Errors) >= maxFaults {
			break
		}
	}
	if refused != nil {
		return nil, refused
	}
	return orders, nil
}

// maxFaults is how many problems of a batch are reported at least, if there are more.
const maxFaults = 100

func batchPointer(index int, pointer string) string {
	return fmt.Sprintf("/tasks/%d%s", index, pointer)
}

func (s *Server) batchAnswer(ctx context.Context, orders []order, submitted []jobs.Submitted) (*batchOutput, error) {
	var faults []fault
	for i, one := range submitted {
		if one.Conflict {
			faults = append(faults, fault{batchPointer(i, "/idempotencyKey"), "conflict", "was used with another content"})
		}
	}
	if faults != nil {
		return nil, conflict(faults...)
	}
	output := &batchOutput{Body: list[taskView]{Items: make([]taskView, len(orders))}}
	for i, order := range orders {
		task := order.task()
		var err error
		if submitted[i].Replayed {
			if task, err = s.store.Task(ctx, submitted[i].ID); err != nil {
				return nil, err
			}
		}
		if output.Body.Items[i], err = s.submitted(ctx, s.brief(task)); err != nil {
			return nil, err
		}
	}
	return output, nil
}
