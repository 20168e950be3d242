package jobs

// Issuer is somebody else who says, by JWTs, who a user is.
type Issuer struct {
	Name       string   // the claim iss of its tokens
	KeysURL    string   // where its public keys are, as a JWK set
	Audience   string   // the claim aud that its tokens have when they are meant for us
	Algorithms []string // with which it signs, as in RFC 7518; asymmetric ones alone
}
