package issuer

import (
	"encoding/base64"
	"errors"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// token is a JWT taken apart; nothing of it is verified.
type token struct {
	header    header
	claims    claims
	signed    []byte // the text that the signature is of
	signature []byte
}

// header is what counts of a token's header.
type header struct {
	Algorithm string         `json:"alg"`
	KeyID     string         `json:"kid"`
	Type      string         `json:"typ"`
	Critical  jsontext.Value `json:"crit"`
}

// claims is what counts of a token's claims.
type claims struct {
	Issuer    string   `json:"iss"`
	Subject   string   `json:"sub"`
	Audience  audience `json:"aud"`
	Expires   *float64 `json:"exp"`
	NotBefore *float64 `json:"nbf"`
	IssuedAt  *float64 `json:"iat"`
}

// audience is one text or a list of them.
type audience []string

// UnmarshalJSON reads either form.
func (a *audience) UnmarshalJSON(text []byte) error {
	if jsontext.Value(text).Kind() == '"' {
		*a = make(audience, 1)
		return json.Unmarshal(text, &(*a)[0])
	}
	return json.Unmarshal(text, (*[]string)(a))
}

// parse takes a token apart, strictly: two readers must not find different things in it.
func parse(text string) (token, error) {
	if len(text) > MaxBytes {
		return token{}, refused("too long")
	}
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return token{}, refused("not of three parts")
	}
	t := token{signed: []byte(parts[0] + "." + parts[1])}
	if err := decode(parts[0], &t.header); err != nil {
		return token{}, refused("no header that can be read")
	}
	if err := t.header.check(); err != nil {
		return token{}, err
	}
	if err := decode(parts[1], &t.claims); err != nil {
		return token{}, refused("no claims that can be read")
	}
	var err error
	if t.signature, err = part(parts[2]); err != nil {
		return token{}, refused("no signature that can be read")
	}
	return t, nil
}

// check refuses what is no token of a user's, such as an issuer's logout token, and what asks to be
// understood in a way that we do not know.
func (h header) check() error {
	switch kind := strings.ToLower(h.Type); {
	case h.Critical != nil:
		return refused("has crit")
	case h.KeyID == "":
		return refused("no kid")
	case kind != "" && kind != "jwt" && kind != "at+jwt" && kind != "application/at+jwt":
		return refused("of another type")
	}
	return nil
}

// decode reads a part that is JSON. Names that stand twice, and bytes that are no UTF-8, are errors.
func decode(encoded string, into any) error {
	text, err := part(encoded)
	if err != nil {
		return err
	}
	if jsontext.Value(text).Kind() != '{' {
		return errors.New("no object")
	}
	return json.Unmarshal(text, into)
}

// part decodes base64url in its one form: Go's decoder would overlook line ends and stray bits.
func part(encoded string) ([]byte, error) {
	if strings.ContainsAny(encoded, "\r\n") {
		return nil, errors.New("line end")
	}
	return base64.RawURLEncoding.Strict().DecodeString(encoded)
}
