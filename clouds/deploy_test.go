package clouds_test

import (
	"testing"
)

func TestFlyStandInDeploys(t *testing.T) {
	t.Parallel()
	s := newSite(t, settings(flyPool, 1, 2, "1h"))
	cloud := s.onFly("cloud")
	s.deploys()
	for _, m := range cloud.Machines() {
		if m.Config.Env["FRESHET_GENERATION"] == "one" && len(cloud.Machines()) > 2 {
			t.Errorf("machine %s was left behind at its generation", m.ID)
		}
	}
}

func TestCloudRunStandInDeploys(t *testing.T) {
	t.Parallel()
	s := newSite(t, settings(runPool, 1, 2, "1h"))
	s.onCloudRun("cloud")
	s.deploys()
}

// deploys twice. Workers never leave because they are idle here: only since their generation is over.
func (s *site) deploys() {
	s.t.Helper()
	s.control(2)
	old := s.gate()
	s.submit("hold", old.input())
	works := s.running()
	s.deploy("two")
	s.submit("work", seconds("0"))
	s.until("a worker of the new generation has done its work beside the old one", func() bool {
		return s.number(`SELECT count(*) FROM freshet.tasks WHERE state = 'completed'`) == 1
	})
	if n := s.number(`SELECT count(*) FROM freshet.workers WHERE generation = 'two'`); n != 1 {
		s.t.Errorf("%d workers are of the new generation", n)
	}
	select {
	case <-works.done:
		s.t.Error("the old worker was ended while it worked")
	default:
	}
	s.unlock(old)
	s.until("the old worker has left", func() bool { return s.runs("cloud") == 1 })
	s.deploy("three")
	s.zero()
	s.submit("work", seconds("0"))
	s.completed()
	if n := s.number(`SELECT count(*) FROM freshet.workers WHERE generation = 'three'`); n != 1 {
		s.t.Errorf("%d workers are of the last generation", n)
	}
	s.deploy("four")
	s.agree()
	if n := s.number(`SELECT count(*) FROM freshet.attempts`); n != 3 {
		s.t.Errorf("%d attempts for three tasks: some were interrupted", n)
	}
	for _, m := range s.all {
		if m.code != 0 {
			s.t.Errorf("a worker of a generation that is over exited with %d", m.code)
		}
	}
}
