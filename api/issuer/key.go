package issuer

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/lestrrat-go/jwx/v3/jwk"
)

// key is a public key, and the one algorithm that it is good for.
type key struct {
	algorithm string
	public    any
}

const (
	leastRSA = 2048 // bits
	mostRSA  = 8192 // more is slow, and nobody needs it
)

// readKeys reads a JWK set. Keys that are of no use here are left out, so that an issuer may have others
// beside them; of two with the same kid the first one counts.
func readKeys(text []byte, algorithms []string) (map[string]key, error) {
	var set struct {
		Keys []jsontext.Value `json:"keys"`
	}
	if err := json.Unmarshal(text, &set, jsontext.AllowDuplicateNames(true)); err != nil {
		return nil, fmt.Errorf("read the JWK set: %w", err)
	}
	keys := map[string]key{}
	for _, one := range set.Keys {
		id, k, ok := readKey(one, algorithms)
		if _, taken := keys[id]; ok && !taken {
			keys[id] = k
		}
	}
	return keys, nil
}

// readKey tells whether a JWK is of use here.
func readKey(text []byte, algorithms []string) (id string, k key, ok bool) {
	parsed, err := jwk.ParseKey(text)
	if err != nil {
		return "", k, false
	}
	id, named := parsed.KeyID()
	use, _ := parsed.KeyUsage()
	operations, _ := parsed.KeyOps()
	if !named || id == "" || use != "" && use != "sig" ||
		len(operations) > 0 && !slices.Contains(operations, jwk.KeyOpVerify) {
		return "", k, false
	}
	if k.public, err = jwk.PublicRawKeyOf(parsed); err != nil {
		return "", k, false
	}
	own := ""
	if algorithm, stated := parsed.Algorithm(); stated {
		own = algorithm.String()
	}
	i := slices.IndexFunc(algorithms, func(algorithm string) bool {
		return (own == "" || own == algorithm) && fits(algorithm, k.public)
	})
	if i < 0 {
		return "", k, false
	}
	k.algorithm = algorithms[i]
	return id, k, true
}

// fits tells whether a key can be used with an algorithm. It knows the asymmetric ones alone.
func fits(algorithm string, public any) bool {
	switch public := public.(type) {
	case *rsa.PublicKey:
		bits := public.N.BitLen()
		strong := bits >= leastRSA && bits <= mostRSA
		return strong && slices.Contains([]string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}, algorithm)
	case *ecdsa.PublicKey:
		switch algorithm {
		case "ES256":
			return public.Curve == elliptic.P256()
		case "ES384":
			return public.Curve == elliptic.P384()
		case "ES512":
			return public.Curve == elliptic.P521()
		}
		return false
	case ed25519.PublicKey:
		return algorithm == "EdDSA"
	default:
		return false
	}
}
