package runner_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"freshet/jobs"
)

// The secrets of these tests, and the forms in which the role "leak" shows them.
const (
	passedSecret  = `tök&en "of" 32/bytes+more` // of passEnv
	partSecret    = "part-of-a-literal"         // of ${…} in env
	literalSecret = "eight-or-more"             // of env
)

func leakedForms(secret string) map[string]string {
	quoted, err := json.Marshal(secret)
	if err != nil {
		panic(err)
	}
	inside := base64.StdEncoding.EncodeToString([]byte("user:" + secret + "!"))
	return map[string]string{
		"as it is":          secret,
		"as JSON":           strings.Trim(string(quoted), `"`),
		"in base64":         strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(secret)), "=")[:len(secret)],
		"inside of base64":  inside[9 : len(inside)-8],
		"in a query":        url.QueryEscape(secret),
		"in a path":         url.PathEscape(secret),
		"in two of its own": secret[:9] + "\n" + secret[9:], // never printed so: a control of the control
	}
}

// leak says its secrets wherever it can.
func leak() (exitCode int) {
	secret := os.Getenv("TOKEN")
	for _, secret := range []string{secret, os.Getenv("PART"), os.Getenv("WHOLE"), os.Getenv("LITERAL")} {
		for _, form := range []string{
			secret, base64.StdEncoding.EncodeToString([]byte(secret)), base64.URLEncoding.EncodeToString([]byte("user:" + secret + "!")),
			base64.StdEncoding.EncodeToString([]byte("user:" + secret + "!")),
			url.QueryEscape(secret), url.PathEscape(secret),
		} {
			fmt.Println("it is", form, "indeed")
			fmt.Fprintln(os.Stderr, "it is", form, "indeed")
			if len(os.Args) > 1 {
				say(map[string]any{"progress": 5, "message": "it is " + form})
				say(map[string]any{"event": "it is " + form, "data": map[string]any{"it is " + form: []string{form}}})
				say("no event: " + form)
			}
		}
	}
	fmt.Print("in two: ", secret[:9])
	<-time.After(700 * time.Millisecond) // long enough for what was printed to be stored
	fmt.Println(secret[9:])
	name := "key-" + strings.ReplaceAll(literalSecret, "/", "") + ".txt"
	if err := os.WriteFile(filepath.Join(os.Getenv("FRESHET_ARTIFACTS"), name), []byte("text"), 0o600); err != nil {
		panic(err)
	}
	say(map[string]any{"output": map[string]any{"key": secret, "list": []string{"a " + literalSecret}}})
	if len(os.Args) > 2 {
		long := strings.Repeat("x", 1<<10-9) // of the message, the secret's half is beyond what is kept
		say(map[string]any{"error": map[string]any{"message": long + secret, "code": secret, "detail": "it is " + secret}})
		return 1
	}
	return 0
}

// newLeak is a bench of the role, whose kind has secrets unless they are to be shown.
func newLeak(t *testing.T, shown bool, arguments ...string) *bench {
	t.Helper()
	b := newBench(t, "leak", arguments...)
	values := map[string]string{"PATH": "/usr/bin:/bin", "TOKEN": passedSecret, "PART": partSecret}
	b.host.Lookup = func(name string) (string, bool) { value, found := values[name]; return value, found }
	b.host.PassEnv = map[string][]string{"test": {"TOKEN", "PART"}}
	b.spec.Env["WHOLE"], b.spec.Env["LITERAL"] = "x${PART}y", literalSecret
	if shown {
		b.host.ShowEnv["test"] = append(b.host.ShowEnv["test"], "TOKEN", "PART", "WHOLE", "LITERAL")
	}
	return b
}

// kept is all that leaves the worker of an attempt.
func (b *bench) kept(ending jobs.Ending) string {
	b.t.Helper()
	var all strings.Builder
	for _, stream := range []jobs.Stream{jobs.Stdout, jobs.Stderr, jobs.System} {
		all.WriteString(b.sink.text(stream))
	}
	for _, kind := range []jobs.EventType{jobs.TaskProgress, jobs.TaskCustom} {
		for _, event := range b.sink.events(kind) {
			all.WriteString(event + "\n")
			var decoded any
			if err := json.Unmarshal([]byte(event), &decoded); err != nil {
				b.t.Errorf("event %s: %v", event, err)
			}
			fmt.Fprintln(&all, decoded)
		}
	}
	if b.sink.message != nil {
		all.WriteString(*b.sink.message)
	}
	fmt.Fprintln(&all, sortedNames(b.sink.artifacts), string(ending.Output))
	if ending.Failure != nil {
		fmt.Fprintf(&all, "%+v", *ending.Failure)
	}
	return all.String()
}

// found names the forms of the secrets that a text holds.
func found(text string) (forms []string) {
	for _, secret := range []string{passedSecret, partSecret, literalSecret} {
		for name, form := range leakedForms(secret) {
			if strings.Contains(text, form) {
				forms = append(forms, secret+" "+name)
			}
		}
	}
	return forms
}

func TestSecretsStayInTheWorker(t *testing.T) {
	t.Parallel()
	for name, arguments := range map[string][]string{"prints": nil, "completes": {"1"}, "fails": {"1", "2"}} {
		for _, shown := range []bool{false, true} {
			t.Run(fmt.Sprint(name, shown), func(t *testing.T) {
				t.Parallel()
				b := newLeak(t, shown, arguments...)
				ending := b.run(t.Context())
				text := b.kept(ending)
				if (ending.Failure != nil) != (name == "fails") || !strings.Contains(text, "it is") || !strings.Contains(text, "in two: ") {
					t.Fatalf("the command did not do its work: %+v", ending)
				}
				forms := found(text)
				switch {
				case shown && len(forms) < 12:
					t.Errorf("this test cannot see more than %q", forms)
				case !shown && len(forms) > 0:
					t.Errorf("left the worker: %q\n%s", forms, text)
				case !shown && name == "fails" && strings.Contains(ending.Failure.Message, passedSecret[:8]):
					t.Errorf("half a secret: %s", ending.Failure.Message)
				}
			})
		}
	}
}

// What waits on disk to be stored holds no secrets either.
func TestSecretsAreNotSpooled(t *testing.T) {
	t.Parallel()
	for _, shown := range []bool{false, true} {
		t.Run(fmt.Sprint(shown), func(t *testing.T) {
			t.Parallel()
			b := newLeak(t, shown)
			fill := fmt.Sprintf("i=0; while [ $i -lt 3000 ]; do echo \"line $i %s $TOKEN\"; i=$((i+1)); done; echo done >&2", strings.Repeat("-", 40))
			b.sh(fill + `; while [ ! -e "$FRESHET_WORKSPACE/go" ]; do sleep 0.05; done`)
			release := make(chan struct{})
			b.sink.fault = func(int, jobs.Flush) (bool, error) { <-release; return true, nil }
			wait := b.begin(t.Context())
			var spooled string
			for deadline := time.Now().Add(patience); !strings.Contains(spooled, "line 2999"); {
				if time.Now().After(deadline) {
					t.Fatal("there is no spool on disk")
				}
				spooled = spoolFile(b.host.Root)
				<-time.After(10 * time.Millisecond)
			}
			if forms := found(spooled); (len(forms) > 0) != shown {
				t.Errorf("secrets on disk: %q", forms)
			}
			if err := os.WriteFile(b.file("work/go"), nil, 0o600); err != nil {
				t.Error(err)
			}
			close(release)
			if _, err := wait(); err != nil {
				t.Error(err)
			}
		})
	}
}

// spoolFile is what is in the spool below a folder, which no name leads to.
func spoolFile(root string) string {
	links, _ := filepath.Glob("/proc/self/fd/*")
	for _, link := range links {
		target, err := os.Readlink(link)
		if err == nil && strings.HasPrefix(target, root) && strings.Contains(target, "/spool-") {
			text, _ := os.ReadFile(link)
			return string(text)
		}
	}
	return ""
}

// A route's answer is redacted too, and so is what the worker itself knows.
func TestRouteSecrets(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]http.HandlerFunc{
		"lines":   lines(`{"progress":1,"message":"`+partSecret+`"}`+"\n", `{"event":"e","data":"`+routeSecret+`"}`+"\n", `{"output":"`+partSecret+`"}`+"\n"),
		"whole":   answers("application/json", `["`+partSecret+`", "`+strings.TrimPrefix(routeSecret, "whsec_")+`"]`),
		"no JSON": lines(partSecret + "\n"),
		"refused": func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "it was "+partSecret+strings.Repeat(".", 4<<10-len("it was "+partSecret)-8)+partSecret, http.StatusBadRequest)
		},
	} {
		for _, shown := range []bool{false, true} {
			t.Run(fmt.Sprint(name, shown), func(t *testing.T) {
				t.Parallel()
				b := newRoute(t, handler)
				b.spec.HTTP.URL += "&key=${KEY}"
				b.host.Lookup = func(string) (string, bool) { return partSecret, true }
				b.host.Hidden = []string{routeSecret, strings.TrimPrefix(routeSecret, "whsec_")}
				if shown {
					b.host.ShowEnv, b.host.Hidden = map[string][]string{"test": {"KEY"}}, nil
				}
				text := b.kept(b.run(t.Context()))
				for _, secret := range []string{partSecret, strings.TrimPrefix(routeSecret, "whsec_"), partSecret[:8]} {
					if strings.Contains(text, secret) && !shown {
						t.Errorf("%s in %s", secret, text)
					}
				}
				if shown && !strings.Contains(text, partSecret) {
					t.Errorf("this test cannot see %s in %s", partSecret, text)
				}
			})
		}
	}
}

// The output is held to its schema as the command wrote it.
func TestOutputFitsBeforeItIsRedacted(t *testing.T) {
	t.Parallel()
	b := newLeak(t, false).sh(`echo '{"output":{"mode":"` + partSecret + `"}}' >> $FRESHET_EVENTS`)
	b.spec.Output = json.RawMessage(`{"properties":{"mode":{"enum":["` + partSecret + `"]}}}`)
	ending := b.run(t.Context())
	wantCompleted(t, ending)
	if string(ending.Output) != `{"mode":"[redacted]"}` {
		t.Errorf("output %s", ending.Output)
	}
	b = newLeak(t, false).sh(`echo '{"output":{"mode":"` + partSecret + `"}}' >> $FRESHET_EVENTS`)
	b.spec.Output = json.RawMessage(`{"properties":{"mode":{"const":1}}}`)
	ending = b.run(t.Context())
	wantFailure(t, ending, jobs.CodeBadOutput, "")
	if strings.Contains(ending.Failure.Message, partSecret) {
		t.Errorf("message %s", ending.Failure.Message)
	}
}
