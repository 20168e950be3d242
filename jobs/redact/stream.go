package redact

// Stream takes secrets out of a text that comes in pieces. It is for one goroutine.
type Stream struct {
	secrets *Redactor
	held    []byte // how a needle begins, perhaps
	covered int    // bytes of held that belong to a needle whose Marker is out already
	out     []byte // kept to be reused
}

// Stream begins a text.
func (r *Redactor) Stream() *Stream { return &Stream{secrets: r} }

// Pass takes the next piece and answers what can go on: what was held back before, and the piece, but for
// what may be the beginning of a secret. The answer holds until the next call, and may share the piece's
// memory.
func (s *Stream) Pass(piece []byte) []byte {
	if s.secrets == nil {
		return piece
	}
	text := piece
	if len(s.held) > 0 {
		s.held = append(s.held, piece...)
		text = s.held
	}
	keep := s.secrets.undecided(text)
	passed := s.cover(text, keep)
	s.held = append(s.held[:0], text[keep:]...)
	return passed
}

// Rest ends the text: it answers what is still held back, which was no secret after all.
func (s *Stream) Rest() []byte {
	rest := s.held
	if s.secrets != nil {
		rest = s.cover(rest, len(rest))
	}
	s.held, s.covered = s.held[:0], 0
	return rest
}

// cover answers the text before a place without the needles that begin there.
func (s *Stream) cover(text []byte, to int) []byte {
	start, end := s.secrets.find(text, 0, to)
	if start < 0 && s.covered == 0 && len(s.held) == 0 {
		return text[:to]
	}
	out, open := s.out[:0], s.covered // what is before open is out, or covered
	for ; start >= 0; start, end = s.secrets.find(text, start+1, to) {
		if start >= open {
			out = append(append(out, text[open:start]...), Marker...)
		}
		open = max(open, end)
	}
	if open < to {
		out = append(out, text[open:to]...)
	}
	s.covered = max(open-to, 0)
	s.out = out
	return out
}
