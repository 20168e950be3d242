// Package issuer verifies JWTs that others issue: those of an app that already says by them who its users
// are.
//
// # What a token must be
//
//	three parts     in base64url without padding, at most 8 KiB together
//	header          alg and kid; typ absent, JWT or at+jwt; no crit, since no extension is understood
//	iss             exactly that of a configured issuer; it alone decides whose keys count
//	aud             the issuer's audience, or a list with it
//	sub             text that is not empty
//	exp, nbf, iat   numbers; exp must be there; clocks may differ by half a minute
//
// A name that stands twice in an object, or a value of another type, is refused. Names count with their
// case. Everything else in the header is ignored, above all the keys and addresses of keys that it may
// hold.
//
// # Keys
//
// A key is found by its kid alone and is good for one algorithm: its own "alg" if the issuer is configured
// with that one, else the first configured one that fits its type. So no header can choose how a key is
// used. Symmetric keys, keys for encryption and weak keys are left out.
//
// The keys of an issuer are fetched when they are first needed, by whoever needs them; others wait for
// that one. They are fresh for as long as Cache-Control says, five minutes at least and an hour at most. An
// unknown kid has them fetched anew, at most once a minute.
//
// What happens when the issuer is away:
//
//	keys are fresh           nobody notices
//	keys are not fresh       they serve for an hour more; once a minute one request tries to fetch them
//	there are no keys left   ErrAway, and once in five seconds one request tries to fetch them
//
// # Errors
//
// A refused token is ErrRefused, wrapped with the reason. The reason is for the log: who sends tokens is
// told nothing that would help to make a better one.
package issuer
