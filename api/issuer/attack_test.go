package issuer_test

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"freshet/api/issuer"
)

func TestGoodTokens(t *testing.T) {
	t.Parallel()
	es, rs, ps, ed := newES256("es"), newRSA("rs", "RS256", 2048), newRSA("ps", "PS256", 2048), newEdDSA("ed")
	a := newApp(t, es.jwk(), rs.jwk(), ps.jwk(func(o object) { o["alg"] = "PS256" }), ed.jwk())
	v := a.verifier("ES256", "RS256", "PS256", "EdDSA")
	now := a.clock.now()
	for name, token := range map[string]string{
		"ES256": es.token(a.good()), "RS256": rs.token(a.good()), "PS256": ps.token(a.good()), "EdDSA": ed.token(a.good()),
		"audiences":            es.token(a.good().with("aud", []string{"other", audience})),
		"no typ":               mint(es.header().without("typ").json(), a.good().json(), es.sign),
		"access token":         mint(es.header().with("typ", "at+JWT").json(), a.good().json(), es.sign),
		"keys in the header":   mint(es.header().with("jku", "https://evil.example/").with("x5u", "https://evil.example/").json(), a.good().json(), es.sign),
		"expired within drift": es.token(a.good().with("exp", now.Add(-29*time.Second).Unix())),
		"ahead within drift":   es.token(a.good().with("nbf", now.Add(29*time.Second).Unix()).with("iat", now.Add(29*time.Second).Unix())),
		"a fraction":           es.token(a.good().with("exp", float64(now.Unix())+0.5)),
		"other names":          es.token(a.good().with("SUB", "root").with("role", "admin").with("admin", true)),
	} {
		bearer, err := v.Verify(t.Context(), token)
		if err != nil || bearer.Subject != "user-17" {
			t.Errorf("%s: %+v, error %v", name, bearer, err)
		}
	}
	if n := a.fetches.Load(); n != 1 {
		t.Errorf("the keys were fetched %d times", n)
	}
	bearer, err := v.Verify(t.Context(), es.token(a.good()))
	if until := now.Add(time.Hour + 30*time.Second); err != nil || bearer.Until.Unix() != until.Unix() {
		t.Errorf("until %v, error %v; want %v", bearer.Until, err, until)
	}
}

// attack is a token that must be refused, and what its maker changed.
type attack struct{ name, token string }

func (a *app) headerAttacks(es signer) []attack {
	good := a.good().json()
	header := func(name string, value any) string { return mint(es.header().with(name, value).json(), good, es.sign) }
	nothing := func([]byte) []byte { return nil }
	forged := newES256(es.kid)
	attacks := []attack{
		{"wrong key", forged.token(a.good())},
		{"unknown kid", header("kid", "other")},
		{"kid that climbs", header("kid", "../../"+es.kid)},
		{"kid with SQL", header("kid", "' OR 1=1 --")},
		{"kid with NUL", header("kid", es.kid+"\x00")},
		{"kid of another type", header("kid", 1)},
		{"empty kid", header("kid", "")},
		{"no kid", mint(es.header().without("kid").json(), good, es.sign)},
		{"crit", header("crit", []string{"exp"})},
		{"empty crit", header("crit", []string{})},
		{"crit null", header("crit", nil)},
		{"crit of b64", mint(es.header().with("b64", false).with("crit", []string{"b64"}).json(), good, es.sign)},
		{"jku", mint(es.header().with("jku", a.server.URL).json(), good, forged.sign)},
		{"x5u", mint(es.header().with("x5u", a.server.URL).json(), good, forged.sign)},
		{"jwk", mint(es.header().with("jwk", forged.jwk()).json(), good, forged.sign)},
		{"logout token", header("typ", "logout+jwt")},
		{"algorithm of another type", header("alg", 1)},
		{"no algorithm", mint(es.header().without("alg").json(), good, es.sign)},
		{"algorithms that differ", mint(`{"alg":"none","alg":"ES256","kid":"`+es.kid+`"}`, good, es.sign)},
		{"kids that differ", mint(`{"alg":"ES256","kid":"x","kid":"`+es.kid+`"}`, good, es.sign)},
	}
	for _, none := range []string{"none", "None", "NONE", "nOnE", ""} {
		attacks = append(attacks, attack{"alg " + none, mint(es.header().with("alg", none).json(), good, nothing)},
			attack{"signed, alg " + none, header("alg", none)})
	}
	return attacks
}

func (a *app) claimAttacks(es signer) []attack {
	now := a.clock.now()
	with := func(name string, value any) string { return es.token(a.good().with(name, value)) }
	claims := func(text string) string { return mint(es.header().json(), text, es.sign) }
	body := strings.TrimSuffix(a.good().json(), "}")
	return []attack{
		{"aud", with("aud", "other")},
		{"part of aud", with("aud", audience+"-2")},
		{"empty aud", with("aud", []string{})},
		{"aud in aud", with("aud", [][]string{{audience}})},
		{"aud as object", with("aud", object{audience: true})},
		{"no aud", es.token(a.good().without("aud"))},
		{"iss", with("iss", "https://evil.example")},
		{"iss with a slash", with("iss", name+"/")},
		{"no iss", es.token(a.good().without("iss"))},
		{"iss as list", with("iss", []string{name})},
		{"expired", with("exp", now.Add(-31*time.Second).Unix())},
		{"exp of text", with("exp", "9999999999")},
		{"exp null", with("exp", nil)},
		{"exp 0", with("exp", 0)},
		{"exp negative", with("exp", -1e300)},
		{"no exp", es.token(a.good().without("exp"))},
		{"nbf", with("nbf", now.Add(31*time.Second).Unix())},
		{"nbf of text", with("nbf", "soon")},
		{"nbf far away", with("nbf", 1e300)},
		{"iat", with("iat", now.Add(31*time.Second).Unix())},
		{"empty sub", with("sub", "")},
		{"no sub", es.token(a.good().without("sub"))},
		{"sub null", with("sub", nil)},
		{"sub as number", with("sub", 17)},
		{"sub as list", with("sub", []string{"user-17"})},
		{"SUB alone", es.token(a.good().without("sub").with("SUB", "user-17"))},
		{"two subs", claims(body + `,"sub":"root"}`)},
		{"two exps", claims(body + `,"exp":9999999999}`)},
		{"two subs, one escaped", claims(body + `,"\u0073ub":"root"}`)},
		{"more behind", claims(body + `}{}`)},
		{"a list", claims(`[` + body + `}]`)},
		{"no UTF-8", claims(strings.Replace(body, "user-17", "user-\xff", 1) + "}")},
		{"deep", claims(body + `,"x":` + strings.Repeat("[", 5000))},
	}
}

func (a *app) textAttacks(es signer) []attack {
	good := es.token(a.good())
	parts := strings.Split(good, ".")
	padded := func(i int) string {
		changed := append([]string(nil), parts...)
		changed[i] += "="
		return strings.Join(changed, ".")
	}
	return []attack{
		{"empty", ""}, {"dots", ".."}, {"two parts", parts[0] + "." + parts[1]}, {"four parts", good + "."},
		{"no signature", parts[0] + "." + parts[1] + "."},
		{"half a signature", good[:len(good)-43]},
		{"signature twice", good + parts[2]},
		{"zero signature", parts[0] + "." + parts[1] + "." + encode(make([]byte, 64))},
		{"line end", good + "\n"}, {"line end inside", parts[0] + ".\r\n" + parts[1] + "." + parts[2]},
		{"padding", padded(0)}, {"padding of claims", padded(1)}, {"padding of signature", padded(2)},
		{"claims changed", parts[0] + "." + encode([]byte(a.good().with("sub", "root").json())) + "." + parts[2]},
		{"encrypted", parts[0] + "." + parts[1] + "." + parts[2] + ".x.y"},
		{"9 KiB", es.token(a.good().with("x", strings.Repeat("x", 9<<10)))},
		{"1 MB", es.token(a.good().with("x", strings.Repeat("x", 1<<20)))},
	}
}

// Each is refused, and each with the same error, as far as who sent it is concerned.
func TestAttacks(t *testing.T) {
	t.Parallel()
	es := newES256("es")
	a := newApp(t, es.jwk())
	v := a.verifier("ES256")
	if _, err := v.Verify(t.Context(), es.token(a.good())); err != nil {
		t.Fatal(err) // the negative control: what is attacked works
	}
	attacks := append(append(a.headerAttacks(es), a.claimAttacks(es)...), a.textAttacks(es)...)
	for _, attack := range attacks {
		if bearer, err := v.Verify(t.Context(), attack.token); !errors.Is(err, issuer.ErrRefused) {
			t.Errorf("%s: %+v, error %v", attack.name, bearer, err)
		}
	}
	if n := a.fetches.Load(); n != 1 {
		t.Errorf("the keys were fetched %d times: attackers make us ask", n)
	}
}

// The public key is known to everybody: it must not become a secret by another algorithm.
func TestAlgorithmConfusion(t *testing.T) {
	t.Parallel()
	rs := newRSA("rs", "RS256", 2048)
	public := rs.private.Public()
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	rsaText := pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(public.(*rsa.PublicKey))})
	a := newApp(t, rs.jwk())
	ps := signer{rs.kid, "PS256", rs.private}
	for _, algorithms := range [][]string{{"RS256"}, {"RS256", "PS256"}, {"RS256", "HS256", "none"}} {
		v := a.verifier(algorithms...)
		if _, err := v.Verify(t.Context(), rs.token(a.good())); err != nil {
			t.Errorf("%v: %v", algorithms, err)
		}
		for i, secret := range [][]byte{text, []byte(strings.TrimSpace(string(text))), rsaText, der, []byte(rs.jwk()), public.(*rsa.PublicKey).N.Bytes(), nil} {
			token := mint(rs.header().with("alg", "HS256").json(), a.good().json(), hmacOf(secret))
			if _, err := v.Verify(t.Context(), token); !errors.Is(err, issuer.ErrRefused) {
				t.Errorf("%v: HS256 with form %d of the public key: %v", algorithms, i, err)
			}
		}
		if _, err := v.Verify(t.Context(), ps.token(a.good())); !errors.Is(err, issuer.ErrRefused) {
			t.Errorf("%v: a key of RS256 is good for PS256: %v", algorithms, err)
		}
	}
}

// Keys of the set that must not count.
func TestUselessKeys(t *testing.T) {
	t.Parallel()
	set := func(name string, value any) func(object) { return func(o object) { o[name] = value } }
	es, weak := newES256("es"), newRSA("weak", "RS256", 1024)
	private := es.private
	for name, jwk := range map[string]string{
		"for encryption":    es.jwk(set("use", "enc")),
		"for signing alone": es.jwk(set("key_ops", []string{"sign"})),
		"other algorithm":   es.jwk(set("alg", "ES384")),
		"of encryption":     es.jwk(set("alg", "ECDH-ES")),
		"symmetric":         object{"kty": "oct", "kid": "es", "k": encode([]byte("secret"))}.json(),
		"no kid":            es.jwk(func(o object) { delete(o, "kid") }),
		"not on the curve":  es.jwk(set("y", encode(big.NewInt(7).FillBytes(make([]byte, 32))))),
		"unknown type":      `{"kty":"QUANTUM","kid":"es"}`,
		"no object":         `"es"`,
	} {
		a := newApp(t, jwk)
		if _, err := a.verifier("ES256").Verify(t.Context(), signer{"es", "ES256", private}.token(a.good())); !errors.Is(err, issuer.ErrRefused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	a := newApp(t, weak.jwk(), `{"kty":"QUANTUM","kid":"x"}`, es.jwk())
	v := a.verifier("RS256", "ES256")
	if _, err := v.Verify(t.Context(), weak.token(a.good())); !errors.Is(err, issuer.ErrRefused) {
		t.Errorf("1024 bits: %v", err)
	}
	if _, err := v.Verify(t.Context(), es.token(a.good())); err != nil {
		t.Errorf("a good key beside others: %v", err)
	}
}

func TestResembles(t *testing.T) {
	t.Parallel()
	es := newES256("es")
	for text, want := range map[string]bool{
		es.token(object{}): true, "fr_ABC": false, "frt_eyJ.x": false, "ey": false, "ey.": false, "eyJ.eyJ.": true, "a.b.c": false, "": false,
	} {
		if got := issuer.Resembles(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
