package cmd

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"
)

// isTerminal tells whether someone looks at what is written. A terminal that says it is dumb gets what
// a file gets.
func (a *app) isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok || a.env("TERM") == "dumb" {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// screen is w, or where w is a terminal a writer that shows control characters instead of sending
// them: what a task prints must not be able to steer the terminal of who reads it.
func (a *app) screen(w io.Writer, raw bool) io.Writer {
	if raw || !a.isTerminal(w) {
		return w
	}
	return visibleWriter{w}
}

// visibleWriter makes each text that is written visible. A character must not be split between writes.
type visibleWriter struct{ w io.Writer }

func (v visibleWriter) Write(text []byte) (int, error) {
	if _, err := io.WriteString(v.w, visible(string(text))); err != nil {
		return 0, err
	}
	return len(text), nil
}

// visible writes control characters, and bytes that are no text, as escapes such as \x1b. Newline, tab
// and carriage return stay.
func visible(text string) string {
	if utf8.ValidString(text) && strings.IndexFunc(text, steers) < 0 {
		return text
	}
	var out strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&out, `\x%02x`, text[0])
		case steers(r) && r < utf8.RuneSelf:
			fmt.Fprintf(&out, `\x%02x`, r)
		case steers(r):
			fmt.Fprintf(&out, `\u%04x`, r)
		default:
			out.WriteString(text[:size])
		}
		text = text[size:]
	}
	return out.String()
}

// steers tells whether a terminal may take the character as a command: those of C0 and C1.
func steers(r rune) bool {
	return r < ' ' && r != '\n' && r != '\t' && r != '\r' || r >= 0x7f && r < 0xa0
}

// line is the text on one line of at most so many characters, without control characters.
func line(text string, most int) string {
	text = visible(strings.Join(strings.Fields(text), " "))
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most-1]) + "…"
}
