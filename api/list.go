package api

import (
	"context"
	"encoding/base64"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"freshet/jobs"
	"freshet/jobs/secret"
)

type listInput struct {
	State         jobs.State `query:"state" enum:"pending,running,completed,failed,cancelled"`
	Kind          string     `query:"kind" maxLength:"50"`
	Tag           string     `query:"tag" maxLength:"100"`
	Owner         string     `query:"owner" maxLength:"255" doc:"Another one than the key's own needs a key with actAsOwner."`
	CreatedAfter  time.Time  `query:"createdAfter" doc:"From this time on."`
	CreatedBefore time.Time  `query:"createdBefore" doc:"Up to this time, without it."`
	Limit         int        `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Cursor        string     `query:"cursor" maxLength:"200" doc:"The nextCursor of the page before, with the same filter."`
}

type page struct {
	Items      []taskView `json:"items" nullable:"false"`
	NextCursor string     `json:"nextCursor,omitempty" doc:"Absent on the last page."`
}

type listOutput struct {
	Body page
}

func (s *Server) listTasks(ctx context.Context, in *listInput) (*listOutput, error) {
	filter := jobs.TaskFilter{
		Owner: in.Owner, Kind: in.Kind, State: in.State, Tag: in.Tag,
		CreatedAfter: in.CreatedAfter, CreatedBefore: in.CreatedBefore,
	}
	identity := caller(ctx)
	if identity.Grant != nil && len(identity.Grant.Tasks) > 0 {
		return nil, newProblem(codeForbidden, "The token is for some tasks alone. Read each by its id.")
	}
	if !identity.Admin {
		if filter.Owner == "" {
			filter.Owner = identity.Owner
		}
		if !identity.May(filter.Owner) {
			return nil, newProblem(codeForbidden, "Only a key with actAsOwner lists another owner's tasks.")
		}
	}
	before, err := s.readCursor(in.Cursor, filterFields(filter))
	if err != nil {
		return nil, err
	}
	tasks, err := s.store.Tasks(ctx, filter, before, in.Limit+1)
	if err != nil {
		return nil, err
	}
	tasks, next := cut(s, tasks, in.Limit, filterFields(filter), func(task jobs.Task) uuid.UUID { return task.ID })
	return &listOutput{page{listOf(tasks, s.brief).Items, next}}, nil
}

// cut makes a page of items that were read, of which there is one more than limit if another page follows, and
// tells where that one begins.
func cut[Item any](s *Server, items []Item, limit int, filter []string, id func(Item) uuid.UUID) (page []Item, next string) {
	if len(items) <= limit {
		return items, ""
	}
	return items[:limit], s.cursor(id(items[limit-1]), filter)
}

// cursor is where the next page begins. It is signed together with the filter, the owner's view
// included, and so good for no other list.
func (s *Server) cursor(last uuid.UUID, filter []string) string {
	raw := slices.Concat(last[:], s.cursors.Sign(append(filter, last.String())...))
	return base64.RawURLEncoding.EncodeToString(raw)
}

// readCursor takes a cursor apart; no cursor is the first page.
func (s *Server) readCursor(text string, filter []string) (uuid.UUID, error) {
	if text == "" {
		return uuid.Nil, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	canonical := base64.RawURLEncoding.EncodeToString(raw) == text // the decoder passes over line breaks
	if err != nil || !canonical || len(raw) != len(uuid.Nil)+secret.SignatureSize {
		return uuid.Nil, newProblem(codeBadCursor, "")
	}
	last := uuid.UUID(raw[:len(uuid.Nil)])
	if !s.cursors.Verify(raw[len(uuid.Nil):], append(filter, last.String())...) {
		return uuid.Nil, newProblem(codeBadCursor, "")
	}
	return last, nil
}

func filterFields(filter jobs.TaskFilter) []string {
	return []string{
		"tasks", filter.Owner, filter.Kind, string(filter.State), filter.Tag,
		strconv.FormatInt(filter.CreatedAfter.UnixMilli(), 10), strconv.FormatInt(filter.CreatedBefore.UnixMilli(), 10),
	}
}
