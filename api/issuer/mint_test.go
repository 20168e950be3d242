package issuer_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"freshet/api/issuer"
	"freshet/jobs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	name     = "https://app.example.com"
	audience = "freshet"
)

// clock is a time that only tests move.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.at.Store(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) now() time.Time          { return time.Unix(0, c.at.Load()) }
func (c *clock) advance(d time.Duration) { c.at.Add(int64(d)) }

// app is an issuer that answers with its keys, and counts how often.
type app struct {
	t       *testing.T
	clock   *clock
	server  *httptest.Server
	fetches atomic.Int32

	mu     sync.Mutex
	set    string
	status int
	header http.Header
	hold   chan struct{} // an answer waits for it to be closed
}

func newApp(t *testing.T, set ...string) *app {
	t.Helper()
	a := &app{t: t, clock: newClock(), status: http.StatusOK, header: http.Header{}}
	a.publish(set...)
	a.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		a.fetches.Add(1)
		a.mu.Lock()
		text, status, header, hold := a.set, a.status, a.header.Clone(), a.hold
		a.mu.Unlock()
		if hold != nil {
			<-hold
		}
		maps.Copy(w.Header(), header)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(text))
	}))
	t.Cleanup(a.server.Close)
	return a
}

func (a *app) publish(keys ...string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	text := `{"keys":[`
	for i, key := range keys {
		if i > 0 {
			text += ","
		}
		text += key
	}
	a.set = text + "]}"
}

func (a *app) answer(status int, header http.Header) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.status, a.header = status, header
}

func (a *app) verifier(algorithms ...string) *issuer.Verifier {
	return issuer.New([]jobs.Issuer{{Name: name, KeysURL: a.server.URL, Audience: audience, Algorithms: algorithms}},
		slog.New(slog.DiscardHandler), a.clock.now)
}

// object is JSON in the making.
type object map[string]any

// good is the claims of a good token.
func (a *app) good() object {
	return object{"iss": name, "aud": audience, "sub": "user-17", "exp": a.clock.now().Add(time.Hour).Unix()}
}

func (o object) with(name string, value any) object {
	changed := object{name: value}
	for name, value := range o {
		if _, set := changed[name]; !set {
			changed[name] = value
		}
	}
	return changed
}

func (o object) without(name string) object {
	changed := o.with(name, nil)
	delete(changed, name)
	return changed
}

func (o object) json() string {
	text, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func encode(text []byte) string { return base64.RawURLEncoding.EncodeToString(text) }

// mint signs a token of any header and claims.
func mint(header, claims string, sign func([]byte) []byte) string {
	text := encode([]byte(header)) + "." + encode([]byte(claims))
	return text + "." + encode(sign([]byte(text)))
}

// signer is a private key, with the JWK of its public half.
type signer struct {
	kid, alg string
	private  crypto.Signer
}

func newES256(kid string) signer {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return signer{kid, "ES256", private}
}

func newRSA(kid, alg string, bits int) signer {
	private, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		panic(err)
	}
	return signer{kid, alg, private}
}

func newEdDSA(kid string) signer {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	return signer{kid, "EdDSA", private}
}

// jwk is the public key; extra changes it.
func (s signer) jwk(extra ...func(object)) string {
	key := object{"kid": s.kid, "use": "sig"}
	switch public := s.private.Public().(type) {
	case *ecdsa.PublicKey:
		point, err := public.Bytes()
		if err != nil {
			panic(err)
		}
		half := (len(point) - 1) / 2
		key["kty"], key["crv"] = "EC", public.Curve.Params().Name
		key["x"], key["y"] = encode(point[1:1+half]), encode(point[1+half:])
	case *rsa.PublicKey:
		key["kty"], key["n"], key["e"] = "RSA", encode(public.N.Bytes()), encode(big.NewInt(int64(public.E)).Bytes())
	case ed25519.PublicKey:
		key["kty"], key["crv"], key["x"] = "OKP", "Ed25519", encode(public)
	}
	for _, change := range extra {
		change(key)
	}
	return key.json()
}

func (s signer) header() object { return object{"alg": s.alg, "kid": s.kid, "typ": "JWT"} }

func (s signer) sign(text []byte) []byte {
	digest := sha256.Sum256(text)
	var signature []byte
	var err error
	switch private := s.private.(type) {
	case *ecdsa.PrivateKey:
		size := (private.Curve.Params().BitSize + 7) / 8
		r, v, failed := ecdsa.Sign(rand.Reader, private, digest[:])
		signature, err = append(r.FillBytes(make([]byte, size)), v.FillBytes(make([]byte, size))...), failed
	case *rsa.PrivateKey:
		if s.alg == "PS256" {
			signature, err = rsa.SignPSS(rand.Reader, private, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		} else {
			signature, err = rsa.SignPKCS1v15(rand.Reader, private, crypto.SHA256, digest[:])
		}
	case ed25519.PrivateKey:
		signature = ed25519.Sign(private, text)
	default:
		err = fmt.Errorf("no key: %T", s.private)
	}
	if err != nil {
		panic(err)
	}
	return signature
}

func (s signer) token(claims object) string { return mint(s.header().json(), claims.json(), s.sign) }

// hmacOf signs with a text as the secret, such as a public key that everybody knows.
func hmacOf(secret []byte) func([]byte) []byte {
	return func(text []byte) []byte {
		mac := hmac.New(sha256.New, secret)
		mac.Write(text)
		return mac.Sum(nil)
	}
}
