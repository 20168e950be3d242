package api

import (
	"context"
	"net/http"
	"reflect"
	"slices"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"freshet/jobs"
	"freshet/jobs/realtime"
)

func (s *Server) newsRoutes(r *routes) {
	handle(r, operation{
		id: "stream-tasks", method: http.MethodGet, path: "/v1/stream", tag: "tasks", scope: jobs.ScopeRead, browser: true,
		summary: "Follow all of the caller's tasks live",
		detail: "Server-sent events. First a task.snapshot of each of the newest hundred tasks, the oldest of them first; then, of " +
			"each task that changes, a task.snapshot when it was not followed yet, else its events. Without output, and " +
			"without ids: a reader that comes back begins anew. An admin sees everybody's.",
		long: true, content: map[string]reflect.Type{streamType: nil},
		refuses: []code{codeTooManyStreams},
	}, s.streamTasks)
}

// newsPage is how many tasks a stream of many begins with.
const newsPage = 100

type newsInput struct {
	Kind string   `query:"kind" maxLength:"50" doc:"Only tasks of this kind."`
	Tag  string   `query:"tag" maxLength:"100" doc:"Only tasks with this tag."`
	IDs  []string `query:"ids" maxItems:"100" doc:"Only these tasks, separated by commas."`
}

// newsFilter says which tasks a stream of many is about.
type newsFilter struct {
	caller    jobs.Identity
	kind, tag string
	ids       []uuid.UUID
}

func (in *newsInput) filter(caller jobs.Identity) (newsFilter, error) {
	filter := newsFilter{caller: caller, kind: in.Kind, tag: in.Tag}
	for _, text := range in.IDs {
		id, err := parseID(text)
		if err != nil {
			return newsFilter{}, newProblem(codeInvalidParameter, "", fault{"/query/ids", "format", "must be ids as the API gives them"})
		}
		filter.ids = append(filter.ids, id)
	}
	if caller.Grant != nil && len(filter.ids) == 0 {
		filter.ids = caller.Grant.Tasks
	}
	return filter, nil
}

// matches tells whether a task is one that the caller may see and asks for.
func (f newsFilter) matches(head realtime.Head) bool {
	return f.caller.MayTouch(head.Task, head.Owner) &&
		(f.caller.Admin || len(f.ids) > 0 || head.Owner == f.caller.Owner) &&
		(f.kind == "" || f.kind == head.Kind) &&
		(f.tag == "" || slices.Contains(head.Tags, f.tag)) &&
		(len(f.ids) == 0 || slices.Contains(f.ids, head.Task))
}

func (s *Server) streamTasks(ctx context.Context, in *newsInput) (*huma.StreamResponse, error) {
	filter, err := in.filter(caller(ctx))
	if err != nil {
		return nil, err
	}
	news := s.hub.OpenFeed(filter.matches)
	begin, err := s.newsPage(ctx, filter, news)
	if err != nil {
		news.Close()
		return nil, err
	}
	out, err := s.open(ctx, news.Wake)
	if err != nil {
		news.Close()
		return nil, err
	}
	return out.streamed(func() error {
		defer news.Close()
		return out.tellNews(begin, news)
	}), nil
}

// newsPage makes the snapshots that a stream begins with, and tells its feed of them.
func (s *Server) newsPage(ctx context.Context, wanted newsFilter, news *realtime.Feed) ([]byte, error) {
	limited, cancel := context.WithTimeout(ctx, s.limits.Work)
	defer cancel()
	var tasks []jobs.Task
	var err error
	if len(wanted.ids) > 0 {
		tasks, _, err = s.store.Heads(limited, wanted.ids, make([]int64, len(wanted.ids)))
	} else {
		filter := jobs.TaskFilter{Owner: wanted.caller.Owner, Kind: wanted.kind, Tag: wanted.tag}
		if wanted.caller.Admin {
			filter.Owner = ""
		}
		tasks, err = s.store.Tasks(limited, filter, uuid.Nil, newsPage)
		slices.Reverse(tasks)
	}
	if err != nil {
		return nil, err
	}
	var frames []byte
	for _, task := range tasks {
		if !wanted.matches(realtime.Head{Task: task.ID, Owner: task.Owner, Kind: task.Kind, Tags: task.Tags}) {
			continue
		}
		snapshot, err := snapshotFrame(s.brief(task))
		if err != nil {
			return nil, err
		}
		frames = append(frames, snapshot...)
		if !task.State.Ended() {
			news.Show(task.ID, task.Seq)
		}
	}
	return frames, nil
}

// tellNews sends what there is and then what changes, until the reader is to come back.
func (o *outlet) tellNews(begin []byte, news *realtime.Feed) error {
	if err := o.send(comeBack(), begin); err != nil {
		return err
	}
	for {
		if err := o.wait(news.C); err != nil {
			return err
		}
		frames, behind := news.Take()
		if behind {
			return errReturn
		}
		if err := o.send(frames...); err != nil {
			return err
		}
	}
}
