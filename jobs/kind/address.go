package kind

import (
	"errors"
	"net/url"
	"strings"
)

// Address is where the route of an http kind is: its url with the variables resolved. The error never
// shows a variable's value.
func Address(text string, lookup func(name string) (string, bool)) (*url.URL, error) {
	resolved, err := Resolve(text, lookup)
	if err != nil {
		return nil, err
	}
	address, err := url.Parse(resolved)
	switch {
	case err != nil, address.Scheme != "http" && address.Scheme != "https", address.Hostname() == "":
		return nil, errors.New("must be an http or https address such as https://app.example.com/api/tasks/report")
	case address.User != nil:
		return nil, errors.New("must not have a name or password; the request is signed instead")
	case address.Fragment != "":
		return nil, errors.New("must not have a fragment, which no server is sent")
	}
	return address, nil
}

// checkAddress tells whether a url can be an address where all its variables are set. What comes of the
// variables is only known there.
func checkAddress(text string) error {
	if strings.Contains(text, "{{") {
		return errors.New("{{…}} is not replaced in a url; the input is in the request's body")
	}
	if strings.Contains(text, "${") {
		return checkVariables(text)
	}
	_, err := Address(text, func(string) (string, bool) { return "", false })
	return err
}
