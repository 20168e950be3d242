package cmd_test

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestLaunchdFileIsReadByUs reads the file for launchd as XML, and tries its command line. launchd itself
// was not asked: it is on a Mac alone.
func TestLaunchdFileIsReadByUs(t *testing.T) {
	t.Parallel()
	file, err := os.Open("../deploy/launchd/freshet.plist")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var keys, arguments []string
	var element string
	var array bool
	decoder := xml.NewDecoder(file)
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			element = token.Name.Local
			array = array || element == "array"
		case xml.EndElement:
			array = array && token.Name.Local != "array"
			element = ""
		case xml.CharData:
			switch {
			case element == "key":
				keys = append(keys, string(token))
			case element == "string" && array:
				arguments = append(arguments, string(token))
			}
		}
	}
	known := []string{
		"Label", "UserName", "ProgramArguments", "WorkingDirectory", "RunAtLoad", "KeepAlive", "SuccessfulExit",
		"ExitTimeOut", "Umask", "StandardErrorPath",
	}
	if !slices.Equal(keys, known) {
		t.Errorf("keys: %q", keys)
	}
	if len(arguments) < 3 || arguments[1] != "/usr/local/bin/freshet" {
		t.Fatalf("arguments: %q", arguments)
	}
	p := newProgram(t, "")
	if r := p.client(append(arguments[2:], "--help")...); r.code != 0 || !strings.Contains(r.stdout, "Keep the API") {
		t.Errorf("freshet %q: %+v", arguments[2:], r)
	}
}
