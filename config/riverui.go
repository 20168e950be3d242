package config

import (
	"errors"
	"net/url"
	"strings"
)

const riverUIExample = "http://127.0.0.1:8081"

var errRiverUI = errors.New("must be the http or https address of River UI, without a path, such as " + riverUIExample)

// ParseRiverUI reads the address of River UI: scheme, host, and perhaps a port and a user with a password. What is
// wrong with it is said without the address, for that may hold the password.
func ParseRiverUI(text string) (*url.URL, error) {
	address, err := url.Parse(text)
	switch {
	case err != nil, address.Scheme != "http" && address.Scheme != "https", address.Hostname() == "",
		strings.Trim(address.Path, "/") != "", strings.ContainsAny(text, "?#"):
		return nil, errRiverUI
	}
	if address.User != nil {
		if password, set := address.User.Password(); !set || password == "" || address.User.Username() == "" {
			return nil, errors.New("has a user without a password or a password without a user; give both, or none")
		}
	}
	address.Path = ""
	return address, nil
}

func riverUI() shape[*url.URL] {
	schema := map[string]any{"type": "string", "pattern": "^https?://", "examples": []string{riverUIExample}}
	return shape[*url.URL]{schema, func(r *reader, at place, n *node, into **url.URL) {
		if !r.is(textNode, "an address such as "+riverUIExample, at, n) {
			return
		}
		address, err := ParseRiverUI(n.text)
		if err != nil {
			r.fail(at, n, "%v", err)
			return
		}
		*into = address
	}}
}
