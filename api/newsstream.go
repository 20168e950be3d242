package api

import (
	"context"
	"net/http"
	"reflect"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"freshet/jobs"
	"freshet/jobs/realtime"
)

func (s *Server) newsRoutes(r *routes) {
	handle(r, operation{
		id: "stream-tasks", method: http.MethodGet, path: "/v1/stream", tag: "tasks",
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
	Kind string      `query:"kind" maxLength:"50" doc:"Only tasks of this kind."`
	Tag  string      `query:"tag" maxLength:"100" doc:"Only tasks with this tag."`
	IDs  []uuid.UUID `query:"ids" maxItems:"100" doc:"Only these tasks, separated by commas."`
}

// matches tells whether a task is one that the caller may see and asks for.
func (in *newsInput) matches(caller jobs.Identity, head realtime.Head) bool {
	return caller.May(head.Owner) &&
		(in.Kind == "" || in.Kind == head.Kind) &&
		(in.Tag == "" || slices.Contains(head.Tags, in.Tag)) &&
		(len(in.IDs) == 0 || slices.Contains(in.IDs, head.Task))
}

func (s *Server) streamTasks(ctx context.Context, in *newsInput) (*huma.StreamResponse, error) {
	identity := caller(ctx)
	leave, err := s.streams.enter(identity.Owner)
	if err != nil {
		return nil, err
	}
	news := s.hub.OpenFeed(func(head realtime.Head) bool { return in.matches(identity, head) })
	begin, err := s.newsPage(ctx, identity, in)
	if err != nil {
		news.Close()
		leave()
		return nil, err
	}
	return &huma.StreamResponse{Body: func(answer huma.Context) {
		defer leave()
		defer news.Close()
		beginStream(answer)
		if s.push(ctx, append(comeBack(), begin...)) == nil && s.tellNews(ctx, news) == nil {
			_ = s.push(ctx, comeBack()) // so that not all come back at once
		}
	}}, nil
}

// newsPage makes the snapshots that a stream begins with.
func (s *Server) newsPage(ctx context.Context, identity jobs.Identity, in *newsInput) ([]byte, error) {
	limited, cancel := context.WithTimeout(ctx, s.limits.Work)
	defer cancel()
	var tasks []jobs.Task
	var err error
	if len(in.IDs) > 0 {
		tasks, _, err = s.store.Heads(limited, in.IDs, make([]int64, len(in.IDs)))
	} else {
		filter := jobs.TaskFilter{Owner: identity.Owner, Kind: in.Kind, Tag: in.Tag}
		if identity.Admin {
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
		if !in.matches(identity, realtime.Head{Task: task.ID, Owner: task.Owner, Kind: task.Kind, Tags: task.Tags}) {
			continue
		}
		snapshot, err := snapshotFrame(s.brief(task))
		if err != nil {
			return nil, err
		}
		frames = append(frames, snapshot...)
	}
	return frames, nil
}

// tellNews sends what changes until the reader is to come back; an error is that it has gone.
func (s *Server) tellNews(ctx context.Context, news *realtime.Feed) error {
	beat := time.NewTicker(beatEvery)
	defer beat.Stop()
	life := time.NewTimer(s.limits.Stream)
	defer life.Stop()
	for {
		select {
		case <-news.C:
			frames, behind := news.Take()
			if behind {
				return nil
			}
			if err := s.push(ctx, slices.Concat(frames...)); err != nil {
				return err
			}
		case <-beat.C:
			if err := s.push(ctx, []byte(": beat\n\n")); err != nil {
				return err
			}
		case <-life.C:
			return nil
		case <-s.stopping:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
