package client

import (
	"context"
	"fmt"
)

// source is one list of a task's numbered entries, read a page at a time. Reading again after an error
// goes on where the last good page ended.
type source struct {
	read    func(ctx context.Context, after int64) ([]Event, error)
	page    []Event // read and not yet taken
	through int64   // the list is read up to here
}

// peek returns the first entry up to target that is not taken yet, or nil. Everything up to target must
// be in the list already.
func (s *source) peek(ctx context.Context, target int64) (*Event, error) {
	if len(s.page) == 0 && s.through < target {
		page, err := s.read(ctx, s.through)
		if err != nil {
			return nil, err
		}
		if len(page) == 0 {
			s.through = target
			return nil, nil //nolint:nilnil // no entry is no error
		}
		last := page[len(page)-1].Seq
		if last <= s.through {
			return nil, fmt.Errorf("the server repeats itself: entry %d comes after %d", last, s.through)
		}
		s.page, s.through = page, last
	}
	if len(s.page) == 0 || s.page[0].Seq > target {
		return nil, nil //nolint:nilnil // no entry is no error
	}
	return &s.page[0], nil
}

// feed is several sources in one order.
type feed []*source

// next takes the lowest entry up to target; it returns nil when all are taken.
func (f feed) next(ctx context.Context, target int64) (*Event, error) {
	var first *Event
	var from *source
	for _, s := range f {
		entry, err := s.peek(ctx, target)
		if err != nil {
			return nil, err
		}
		if entry != nil && (first == nil || entry.Seq < first.Seq) {
			first, from = entry, s
		}
	}
	if first != nil {
		from.page = from.page[1:]
	}
	return first, nil
}
