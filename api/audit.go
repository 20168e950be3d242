package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"

	"freshet/jobs"
)

func (s *Server) auditRoutes(r *routes) {
	handle(r, operation{
		id: "list-acts", method: http.MethodGet, path: "/v1/audit", tag: "audit",
		summary: "List who changed what, newest first",
		detail: "All that changed something or was refused with 403. Submits are not in it, unless they were refused: each task " +
			"has its owner and its time. Neither are tokens, which change nothing.",
		access: admin, refuses: []code{codeBadCursor},
	}, s.listActs)
}

// actView is one line of the audit log.
type actView struct {
	ID        uuid.UUID `json:"id" format:"uuid"`
	At        time.Time `json:"at"`
	Actor     string    `json:"actor" example:"web-app" doc:"What let the caller in: the name of an API key, or what else it was, such as session. Empty: nothing did."`
	Owner     string    `json:"owner" doc:"As whom."`
	Action    string    `json:"action" example:"cancel-task" doc:"Id of the operation."`
	Object    string    `json:"object" doc:"Ids and names of what it was done to."`
	Address   string    `json:"address" example:"203.0.113.7" doc:"Where the request came from."`
	UserAgent string    `json:"userAgent"`
	RequestID string    `json:"requestId"`
	Status    int       `json:"status" example:"200" doc:"Of the answer. With 499, 500 and above it is not known whether it was done."`
}

func viewAct(a jobs.Act) actView {
	return actView{a.ID, a.At(), a.Actor, a.Owner, a.Action, a.Object, a.Address, a.UserAgent, a.RequestID, a.Status}
}

type actsInput struct {
	Actor  string    `query:"actor" maxLength:"255"`
	Action string    `query:"action" maxLength:"50" example:"cancel-task"`
	Since  time.Time `query:"since" doc:"From this time on."`
	Limit  int       `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Cursor string    `query:"cursor" maxLength:"200" doc:"The nextCursor of the page before, with the same filter."`
}

type actsOutput struct {
	Body struct {
		Items      []actView `json:"items" nullable:"false"`
		NextCursor string    `json:"nextCursor,omitempty" doc:"Absent on the last page."`
	}
}

func (s *Server) listActs(ctx context.Context, in *actsInput) (*actsOutput, error) {
	fields := []string{"acts", in.Actor, in.Action, strconv.FormatInt(in.Since.UnixMilli(), 10)}
	before, err := s.readCursor(in.Cursor, fields)
	if err != nil {
		return nil, err
	}
	acts, err := s.store.Acts(ctx, jobs.ActFilter{Actor: in.Actor, Action: in.Action, Since: in.Since}, before, in.Limit+1)
	if err != nil {
		return nil, err
	}
	output := &actsOutput{}
	acts, output.Body.NextCursor = cut(s, acts, in.Limit, fields, func(a jobs.Act) uuid.UUID { return a.ID })
	output.Body.Items = listOf(acts, viewAct).Items
	return output, nil
}
