package runner

import (
	"bytes"
	"strings"
)

const (
	tailBytes = 2 << 10
	tailLines = 20
)

// logTail remembers the last output of a command, for its failure.
type logTail struct{ bytes []byte }

func (t *logTail) add(p []byte) {
	p = p[max(0, len(p)-tailBytes):]
	t.bytes = append(t.bytes[max(0, len(t.bytes)+len(p)-tailBytes):], p...)
}

// String is the last lines, fit to be stored.
func (t *logTail) String() string {
	text := bytes.TrimRight(t.bytes, "\r\n\x00 ")
	if len(t.bytes) == tailBytes {
		for len(text) > 0 && text[0]&0xc0 == 0x80 {
			text = text[1:] // the rest of a character that was cut
		}
	}
	lines := bytes.Split(text, []byte("\n"))
	lines = lines[max(0, len(lines)-tailLines):]
	return clean(string(bytes.Join(lines, []byte("\n"))))
}

// clean makes text fit to be stored: valid UTF-8 without NUL.
func clean(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "")
}
