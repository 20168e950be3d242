package cmd

import (
	"io"
	"strings"
)

// What a terminal is told: go to the start of the line and empty it; cut long lines, or wrap them.
const (
	emptyLine = "\r\x1b[K"
	cutLines  = "\x1b[?7l"
	wrapLines = "\x1b[?7h"
)

// scroll is text that goes by, with a bar below it that is drawn again and again. Only a terminal has
// the bar.
type scroll struct {
	w     io.Writer
	live  bool   // w is a terminal
	bar   string // empty: there is none
	drawn bool
	open  string // the stream whose last line is unfinished, where the bar would stand
}

// line writes one line of our own.
func (s *scroll) line(text string) error { return s.write(s.end("") + text + "\n") }

// piece writes what a stream says next. Its last line may go on in the next piece.
func (s *scroll) piece(stream, text string) error {
	if text == "" {
		return nil
	}
	text = s.end(stream) + text
	if !strings.HasSuffix(text, "\n") {
		s.open = stream
	}
	return s.write(text)
}

// show replaces the bar.
func (s *scroll) show(bar string) error {
	if !s.live || bar == s.bar {
		return nil
	}
	s.bar = bar
	return s.write("")
}

// finish takes the bar away for good, and ends an unfinished line.
func (s *scroll) finish() error {
	s.bar = ""
	return s.write(s.end(""))
}

// end is what ends an unfinished line, unless it is the stream's own.
func (s *scroll) end(stream string) string {
	unfinished := s.open != "" && s.open != stream
	s.open = ""
	if unfinished {
		return "\n"
	}
	return ""
}

// write is one write for the old bar, the text and the new bar, so that nothing flickers.
func (s *scroll) write(text string) error {
	if s.drawn {
		text = emptyLine + text
	}
	s.drawn = s.live && s.bar != "" && s.open == ""
	if s.drawn {
		text += cutLines + s.bar + wrapLines
	}
	_, err := io.WriteString(s.w, text)
	return err
}
