package fly

import "strings"

// authorization is the header's value for a token, with whatever scheme it was pasted. Macaroons, which is
// what "fly tokens create" prints, have a scheme of their own.
func authorization(token string) string {
	token = strings.TrimSpace(token)
	if scheme, rest, found := strings.Cut(token, " "); found && (strings.EqualFold(scheme, "Bearer") || strings.EqualFold(scheme, "FlyV1")) {
		token = strings.TrimSpace(rest)
	}
	for part := range strings.SplitSeq(token, ",") {
		prefix, _, _ := strings.Cut(strings.TrimSpace(part), "_")
		switch prefix {
		case "fm1r", "fm1a", "fm2":
			return "FlyV1 " + token
		}
	}
	return "Bearer " + token
}
