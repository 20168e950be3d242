package crew

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
)

// TestTallies counts starts and ends, each once, whatever else they lead to.
func TestTallies(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := prepare(t, func(n int, f *fake) error {
			f.lives(time.Hour)
			if n%2 == 1 {
				return exit(1)
			}
			return nil
		})
		play, tries := s.launch, 0
		s.launch = func(p Program, instance int, id uuid.UUID) (body, error) {
			if tries++; tries == 1 {
				return body{}, errors.New("there is no such file")
			}
			return play(p, instance, id)
		}
		s.begin(Program{Name: "p", Instances: 1})
		want := func(when string, tally Tally) {
			t.Helper()
			if got := s.Tallies(); len(got) != 1 || got["p"] != tally {
				t.Errorf("%s: %+v, want %+v", when, got, tally)
			}
		}
		synctest.Wait()
		want("before the second try", Tally{Unstarted: 1})
		pass(30 * time.Minute)
		want("then", Tally{Starts: 1, Unstarted: 1})
		pass(time.Hour)
		want("after a death", Tally{Starts: 2, Unstarted: 1, Died: 1})
		if err := s.Restart(t.Context(), "p"); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		want("after a restart", Tally{Starts: 3, Unstarted: 1, Died: 1, Left: 1})
		s.end()
		want("at the end", Tally{Starts: 3, Unstarted: 1, Died: 2, Left: 1})
	})
}
