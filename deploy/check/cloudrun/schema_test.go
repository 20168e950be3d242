package cloudrun

import (
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"testing"

	"cloud.google.com/go/run/apiv2/runpb"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// get answers the body of a request to the stand-in.
func get(t *testing.T, url string) []byte {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer secret")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %v: %s", answer.Status, err, body)
	}
	return body
}

// TestStandInAnswersAreOfTheSchema decodes what Freshet reads as Google's messages, where an unknown field or an
// unknown enum is an error.
func TestStandInAnswersAreOfTheSchema(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	idle, crashed, killed, cancelled, running := s.Execute(job, nil), s.Execute(job, nil), s.Execute(job, nil), s.Execute(job, nil), s.Execute(job, nil)
	s.end(t, idle, 0)
	s.end(t, crashed, 3)
	s.end(t, killed, -1)
	if _, err := s.executions.CancelExecution(t.Context(), &runpb.CancelExecutionRequest{Name: job + "/executions/" + cancelled}); err != nil {
		t.Fatal(err)
	}
	byName := map[string]*runpb.Execution{}
	await(t, func() bool {
		var list runpb.ListExecutionsResponse
		strictly(t, get(t, server.URL+"/v2/"+job+"/executions"), &list)
		left := 0
		for _, e := range list.GetExecutions() {
			byName[path.Base(e.GetName())] = e
			if e.CompletionTime == nil {
				left++
			}
		}
		return left == 1 && byName[running].GetRunningCount() == 1
	})
	if byName[idle].GetSucceededCount() != 1 || byName[crashed].GetFailedCount() != 1 || byName[cancelled].GetCancelledCount() != 1 {
		t.Errorf("got %v", byName)
	}
	if reason := byName[crashed].GetConditions()[0].GetExecutionReason(); reason != runpb.Condition_NON_ZERO_EXIT_CODE {
		t.Errorf("the reason of a crash is %v", reason)
	}
	for id, want := range map[string][2]int32{crashed: {3, 0}, killed: {0, 9}} {
		var tasks runpb.ListTasksResponse
		strictly(t, get(t, server.URL+"/v2/"+job+"/executions/"+id+"/tasks"), &tasks)
		if got := tasks.GetTasks()[0].GetLastAttemptResult(); got.GetExitCode() != want[0] || got.GetTermSignal() != want[1] {
			t.Errorf("%s ended as %v", id, got)
		}
	}
}

func strictly(t *testing.T, body []byte, into proto.Message) {
	t.Helper()
	if err := protojson.Unmarshal(body, into); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
}
