package webhook_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"freshet/jobs/webhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The vector of the libraries of Standard Webhooks.
const (
	vectorSecret    = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	vectorID        = "msg_p5jXN8AQM9LWM0D4loKWxJek"
	vectorTime      = 1614265330
	vectorBody      = `{"test": 2432232314}`
	vectorSignature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
)

func secret(fill string, size int) string {
	return "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat(fill, size)))
}

func parse(t *testing.T, text string) webhook.Secrets {
	t.Helper()
	secrets, err := webhook.ParseSecrets(text)
	if err != nil {
		t.Fatal(err)
	}
	return secrets
}

func signed(t *testing.T, secrets string, at time.Time) http.Header {
	t.Helper()
	header := http.Header{}
	parse(t, secrets).Sign(header, vectorID, at, []byte(vectorBody))
	return header
}

func TestVector(t *testing.T) {
	t.Parallel()
	at := time.Unix(vectorTime, 0)
	header := signed(t, vectorSecret, at)
	if got := header.Get("webhook-signature"); got != vectorSignature {
		t.Errorf("signature %s, want %s", got, vectorSignature)
	}
	if got := header.Get("webhook-id") + " " + header.Get("webhook-timestamp"); got != fmt.Sprintf("%s %d", vectorID, vectorTime) {
		t.Errorf("headers %s", got)
	}
	if id, err := parse(t, vectorSecret).Verify(header, []byte(vectorBody), at); err != nil || id != vectorID {
		t.Errorf("got %q, %v", id, err)
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	now := time.Unix(vectorTime, 0)
	before, after := secret("a", 32), secret("b", 32)
	tests := map[string]struct {
		sender, receiver string
		age              time.Duration
		change           func(http.Header)
		body             string
		want             error
	}{
		"right":                   {},
		"five minutes old":        {age: 5 * time.Minute},
		"older":                   {age: 5*time.Minute + time.Second, want: webhook.ErrTooOld},
		"from the future":         {age: -6 * time.Minute, want: webhook.ErrTooOld},
		"another secret":          {receiver: after, want: webhook.ErrForged},
		"sender rotates":          {sender: before + " " + after, receiver: after},
		"receiver is behind":      {sender: after + "," + before},
		"receiver rotates":        {sender: after, receiver: before + ", " + after},
		"another body":            {body: vectorBody + " ", want: webhook.ErrForged},
		"another id":              {change: func(h http.Header) { h.Set("webhook-id", "x") }, want: webhook.ErrForged},
		"another time":            {change: func(h http.Header) { h.Set("webhook-timestamp", "1614265331") }, want: webhook.ErrForged},
		"no number":               {change: func(h http.Header) { h.Set("webhook-timestamp", "now") }, want: webhook.ErrTooOld},
		"no signature":            {change: func(h http.Header) { h.Del("webhook-signature") }, want: webhook.ErrUnsigned},
		"no id":                   {change: func(h http.Header) { h.Del("webhook-id") }, want: webhook.ErrUnsigned},
		"no base64":               {change: func(h http.Header) { h.Set("webhook-signature", "v1,%%%") }, want: webhook.ErrForged},
		"another version":         {change: func(h http.Header) { h.Set("webhook-signature", "v1a"+h.Get("webhook-signature")[2:]) }, want: webhook.ErrForged},
		"another version besides": {change: func(h http.Header) { h.Set("webhook-signature", "v1a,xyz "+h.Get("webhook-signature")) }},
		"cut":                     {change: func(h http.Header) { h.Set("webhook-signature", h.Get("webhook-signature")[:20]) }, want: webhook.ErrForged},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sender, receiver, body := before, before, vectorBody
			for value, given := range map[*string]string{&sender: test.sender, &receiver: test.receiver, &body: test.body} {
				if given != "" {
					*value = given
				}
			}
			header := signed(t, sender, now.Add(-test.age))
			if test.change != nil {
				test.change(header)
			}
			id, err := parse(t, receiver).Verify(header, []byte(body), now)
			if !errors.Is(err, test.want) || (err == nil) != (id == vectorID) {
				t.Errorf("got %q, %v; want %v", id, err, test.want)
			}
		})
	}
}

// The same signed text, cut elsewhere, must not be another message.
func TestNoDotInID(t *testing.T) {
	t.Parallel()
	header := http.Header{}
	parse(t, vectorSecret).Sign(header, "msg", time.Unix(7, 0), []byte("1614265330.{}"))
	header.Set("webhook-id", "msg.7")
	header.Set("webhook-timestamp", "1614265330")
	if id, err := parse(t, vectorSecret).Verify(header, []byte("{}"), time.Unix(vectorTime, 0)); !errors.Is(err, webhook.ErrForged) {
		t.Errorf("got %q, %v", id, err)
	}
}

func TestNoSecretVerifiesNothing(t *testing.T) {
	t.Parallel()
	now := time.Unix(vectorTime, 0)
	none := parse(t, " , \n")
	if none.Known() {
		t.Error("there are secrets")
	}
	if _, err := none.Verify(signed(t, vectorSecret, now), []byte(vectorBody), now); !errors.Is(err, webhook.ErrForged) {
		t.Errorf("got %v", err)
	}
	if _, err := none.Verify(signed(t, "", now), []byte(vectorBody), now); !errors.Is(err, webhook.ErrUnsigned) {
		t.Errorf("a message without a signature: %v", err)
	}
}

func TestSecretsThatAreNone(t *testing.T) {
	t.Parallel()
	for _, good := range []string{secret("x", 24), secret("x", 64)} {
		if !parse(t, good).Known() {
			t.Errorf("refused: %s", good)
		}
	}
	for _, bad := range []string{
		secret("x", 23), secret("x", 65), "whsec_", "whsec_%%%", strings.TrimPrefix(secret("x", 32), "whsec_"),
		secret("x", 32) + " hunter2", "WHSEC_" + secret("x", 32)[6:],
	} {
		secrets, err := webhook.ParseSecrets(bad)
		if err == nil || secrets.Known() {
			t.Errorf("let in: %s", bad)
			continue
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error shows the secret: %v", err)
		}
	}
}

func TestSecretsAreNotShown(t *testing.T) {
	t.Parallel()
	for _, shown := range []string{fmt.Sprintf("%v", parse(t, vectorSecret)), fmt.Sprintf("%+v", parse(t, vectorSecret)), fmt.Sprintf("%#v", parse(t, vectorSecret))} {
		if shown != "1 secrets" {
			t.Errorf("shown as %s", shown)
		}
	}
}
