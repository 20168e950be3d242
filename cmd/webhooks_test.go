package cmd_test

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"freshet/jobs/webhook"
)

// letter is a webhook as an app gets it.
type letter struct {
	header http.Header
	body   []byte
}

// told is the part of a message that these tests look at.
type told struct {
	Type   string
	TaskID string
	Data   struct {
		Task struct {
			Kind, State string
			Output      json.RawMessage
		}
		Endpoint struct{ ID, URL string }
	}
}

// mailbox is an app on this machine that takes every webhook.
type mailbox struct {
	*httptest.Server

	t       *testing.T
	letters chan letter
	dialled atomic.Int32 // connections that were ever opened
}

func newMailbox(t *testing.T) *mailbox {
	t.Helper()
	box := &mailbox{t: t, letters: make(chan letter, 100)}
	box.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("read a webhook: %v", err)
		}
		w.WriteHeader(http.StatusNoContent)
		box.letters <- letter{r.Header, body}
	}))
	box.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			box.dialled.Add(1)
		}
	}
	box.Start()
	t.Cleanup(box.Close)
	return box
}

// next waits for a message, and checks that each of the secrets signs it.
func (box *mailbox) next(texts ...string) (letter, told) {
	box.t.Helper()
	var got letter
	select {
	case got = <-box.letters:
	case <-time.After(patience):
		box.t.Fatal("no webhook has arrived")
	}
	for _, text := range texts {
		secrets, err := webhook.ParseSecrets(text)
		if err != nil || !secrets.Known() {
			box.t.Fatalf("the secret %q: %v", text, err)
		}
		if _, err := secrets.Verify(got.header, got.body, time.Now()); err != nil {
			box.t.Errorf("a webhook with %v: %v", got.header, err)
		}
	}
	var message told
	if err := json.Unmarshal(got.body, &message); err != nil {
		box.t.Fatalf("%v in %s", err, got.body)
	}
	return got, message
}

// submitTold submits a task with a webhook of its own, and returns the answer.
func submitTold(t *testing.T, server, key, address string) (status int, body string) {
	t.Helper()
	text := `{"kind":"nothing","input":{},"webhookUrl":"` + address + `"}`
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server+"/v1/tasks", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+key)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(answer)
}

// wantTold fails the test unless the next message tells that the task of the answer completed.
func (box *mailbox) wantTold(p *program, answer, secret string) {
	box.t.Helper()
	id := parse[task](p, answer).ID
	if _, got := box.next(secret); got.Type != "task.completed" || got.TaskID != id || got.Data.Task.State != "completed" {
		box.t.Errorf("the webhook of task %s is %+v", id, got)
	}
}

func TestDevReachesWebhooksOfItsMachine(t *testing.T) {
	t.Parallel()
	box := newMailbox(t)
	p := newProgram(t, trueKinds).start()
	secret := p.read("webhook-secret")
	box.wantTold(p, p.post("/v1/tasks", `{"kind":"nothing","input":{},"webhookUrl":"`+box.URL+`/hook"}`), secret)
	local := strings.Replace(box.URL, "127.0.0.1", "localhost", 1)
	box.wantTold(p, p.post("/v1/tasks", `{"kind":"nothing","input":{},"webhookUrl":"`+local+`"}`), secret)
	if status, body := submitTold(t, p.url(), p.key(), "http://example.com/hook"); status != http.StatusUnprocessableEntity {
		t.Errorf("http to elsewhere: %d %s", status, body)
	}
}

func TestAPIReachesWebhooksOfItsMachineWhenAllowed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		server  string
		allowed bool
	}{
		"by itself":        {"", false},
		"http alone":       {"server: {webhooks: {allowHttp: true}}\n", false},
		"the network, too": {"server: {webhooks: {allow: [127.0.0.0/8], allowHttp: true}}\n", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			box := newMailbox(t)
			p := newProgram(t, trueKinds+test.server)
			p.env = append(p.env, "FRESHET_WEBHOOK_SECRET="+routeSecret)
			p.apart()
			server := p.apartURL()
			status, body := submitTold(t, server, "k", box.URL)
			if test.allowed {
				box.wantTold(p, body, routeSecret)
				return
			}
			if status != http.StatusUnprocessableEntity || !strings.Contains(body, "/webhookUrl") {
				t.Errorf("the submit: %d %s", status, body)
			}
			if r := p.must(1, "webhooks", "create", box.URL); !strings.Contains(r.stderr, "/url") {
				t.Errorf("the endpoint: %s", r.stderr)
			}
			p.must(0, "submit", "nothing", "--follow") // whatever is sent after an end would be on its way
			if dialled := box.dialled.Load(); dialled != 0 {
				t.Errorf("%d connections were made", dialled)
			}
		})
	}
}

// apartURL is where the API of apart is.
func (p *program) apartURL() string {
	p.t.Helper()
	for _, variable := range p.env {
		if address, found := strings.CutPrefix(variable, "FRESHET_URL="); found {
			return address
		}
	}
	p.t.Fatal("there is no FRESHET_URL")
	return ""
}

// hooked is a webhook of a running program.
type hooked struct {
	*program

	box        *mailbox
	id, secret string
}

type deliveryRow struct {
	ID, MessageID, Type, TaskID, State string
	Tries                              int
	LastTry                            struct{ Status int }
}

type items[T any] struct{ Items []T }

// deliveries are all to the webhook, the newest first.
func (h *hooked) deliveries(more ...string) []deliveryRow {
	h.t.Helper()
	return parse[items[deliveryRow]](h.program, h.must(0, append([]string{"deliveries", "--json", "--webhook", h.id}, more...)...).stdout).Items
}

func TestWebhookCommands(t *testing.T) {
	t.Parallel()
	h := &hooked{program: newProgram(t, trueKinds).start(), box: newMailbox(t)}
	h.must(2, "webhooks", "create")
	wantIn(t, h.must(1, "webhooks", "create", "ftp://app.example.com").stderr, "/url")
	h.create()
	h.try()
	h.pauseAndResume()
	h.rotate()
	h.disableAndEnable()
	h.resend()
	h.must(0, "webhooks", "delete", h.id)
	if r := h.must(0, "webhooks"); strings.Contains(r.stdout, h.id) {
		t.Errorf("it is still listed: %s", r.stdout)
	}
	for _, verb := range []string{"test", "pause", "rotate", "delete"} {
		wantIn(t, h.must(1, "webhooks", verb, h.id).stderr, verb, h.id+": The address is wrong")
	}
}

// create makes the webhook. Its secret is all that is printed, and printed once.
func (h *hooked) create() {
	h.t.Helper()
	h.secret = h.must(0, "webhooks", "create", h.box.URL, "--everyone", "--kind", "nothing", "--header", "X-App=one, two").stdout
	if !regexp.MustCompile(`^whsec_[A-Za-z0-9+/]{43}=\n$`).MatchString(h.secret) {
		h.t.Fatalf("create printed %q", h.secret)
	}
	h.secret = strings.TrimSpace(h.secret)
	list := h.must(0, "webhooks", "--json").stdout
	h.id = parse[items[struct{ ID string }]](h.program, list).Items[0].ID
	shown := h.must(0, "webhooks").stdout
	wantIn(h.t, shown, h.id, h.box.URL, "task.completed,task.failed,task.cancelled", "everyone: nothing", "open")
	if strings.Contains(list+shown, "whsec_") {
		h.t.Errorf("a list shows the secret: %s%s", list, shown)
	}
	made := parse[struct{ ID, Secret, Owner string }](h.program,
		h.must(0, "webhooks", "create", h.box.URL, "--json", "--owner", "ada", "--event", "task.created,task.failed").stdout)
	if made.ID == "" || !strings.HasPrefix(made.Secret, "whsec_") || made.Owner != "ada" {
		h.t.Errorf("create printed %+v", made)
	}
	wantIn(h.t, h.must(0, "webhooks").stdout, "task.created,task.failed  ", "  ada ")
	h.must(0, "webhooks", "delete", made.ID)
}

// try sends a message that tells of nothing, and sees it arrive.
func (h *hooked) try() {
	h.t.Helper()
	said := h.must(0, "webhooks", "test", h.id).stdout
	_, id, found := strings.Cut(strings.TrimSpace(said), "freshet deliveries show ")
	if !found {
		h.t.Fatalf("test printed %q", said)
	}
	letter, got := h.box.next(h.secret)
	if got.Type != "endpoint.test" || got.TaskID != "" || got.Data.Endpoint.ID != h.id || letter.header.Get("X-App") != "one, two" {
		h.t.Errorf("the message is %+v with %v", got, letter.header)
	}
	h.until("the delivery is shown", func() bool {
		shown := h.must(0, "deliveries", "show", id).stdout
		return regexp.MustCompile(`(?s)^endpoint\.test to http:\S+: delivered\n.* try 1 +\d+ ms +204`).MatchString(shown)
	})
	wantIn(h.t, h.must(0, "deliveries", "show", id, "--json").stdout, `"history"`, `"messageId":"`+letter.header.Get(webhook.HeaderID)+`"`)
	wantIn(h.t, h.must(1, "deliveries", "show", h.id).stderr, "show "+h.id)
}

// pauseAndResume sees a message wait while the webhook is paused.
func (h *hooked) pauseAndResume() {
	h.t.Helper()
	wantIn(h.t, h.must(0, "webhooks", "pause", h.id).stdout, "paused for ")
	done := h.followed(0, "nothing")
	waiting := h.deliveries("--state", "pending")
	if len(waiting) != 1 || waiting[0].TaskID != done.ID || waiting[0].Tries != 0 {
		h.t.Errorf("while it is paused there wait %+v", waiting)
	}
	wantIn(h.t, h.must(0, "webhooks", "resume", h.id).stdout, "open")
	if _, got := h.box.next(h.secret); got.Type != "task.completed" || got.TaskID != done.ID {
		h.t.Errorf("what waited is %+v", got)
	}
}

// rotate has the next message signed with the secret before and with the new one.
func (h *hooked) rotate() {
	h.t.Helper()
	next := strings.TrimSpace(h.must(0, "webhooks", "rotate", h.id, "--keep", "1h").stdout)
	if next == h.secret {
		h.t.Error("the secret is the same")
	}
	h.must(0, "submit", "nothing")
	h.box.next(h.secret, next)
	last := parse[struct{ Secret string }](h.program, h.must(0, "webhooks", "rotate", h.id, "--json").stdout).Secret
	h.must(0, "submit", "nothing")
	h.box.next(next, last)
	h.secret = last
}

// disableAndEnable sees that a disabled webhook hears of nothing, ever.
func (h *hooked) disableAndEnable() {
	h.t.Helper()
	wantIn(h.t, h.must(0, "webhooks", "disable", h.id).stdout, "disabled")
	before := len(h.deliveries())
	h.followed(0, "nothing")
	if after := len(h.deliveries()); after != before {
		h.t.Errorf("%d deliveries before, %d after it was disabled", before, after)
	}
	wantIn(h.t, h.must(0, "webhooks", "enable", h.id).stdout, "open")
}

// resend sends a message again that has arrived: the same bytes, under the same id.
func (h *hooked) resend() {
	h.t.Helper()
	done := h.followed(0, "nothing")
	first, got := h.box.next(h.secret)
	if got.TaskID != done.ID {
		h.t.Errorf("the message is %+v", got)
	}
	arrived := func(tries int) (found deliveryRow) {
		h.until("it has arrived", func() bool {
			found = parse[items[deliveryRow]](h.program, h.must(0, "deliveries", "--json", "--task", done.ID).stdout).Items[0]
			return found.State == "delivered" && found.Tries == tries
		})
		return found
	}
	delivery := arrived(1)
	h.must(0, "deliveries", "resend", delivery.ID)
	again, _ := h.box.next(h.secret)
	if id := again.header.Get(webhook.HeaderID); id != delivery.MessageID || id != first.header.Get(webhook.HeaderID) || string(again.body) != string(first.body) {
		h.t.Errorf("first %v %s\nthen %v %s", first.header, first.body, again.header, again.body)
	}
	arrived(2)
	wantIn(h.t, h.must(0, "deliveries", "--limit", "1").stdout, "task.completed", done.ID, "delivered", "204")
}
