package redact

import (
	"slices"
	"strings"
)

// Marker stands where a secret was.
const Marker = "[redacted]"

const (
	blockBytes = 3  // that are looked at together
	maxWindow  = 32 // bytes
	hashBits   = 14
)

// Redactor knows secrets. Nil knows none. It never changes and is safe for use by many goroutines.
//
// It looks at the last block of a window that moves over the text. Most blocks are in no needle's
// beginning, and then the window moves by nearly its length (the algorithm of Wu and Manber).
type Redactor struct {
	needles []string // sorted
	longest int
	window  int                        // bytes; no needle is shorter
	shift   [1 << hashBits]uint8       // by the hash of the window's last block: how far no needle begins
	ending  map[uint32][]string        // needles by the last block of their beginning, where shift is 0; longest first
	pairs   [1 << 16 / wordBits]uint64 // a bit for each pair of bytes that a needle begins with
}

const wordBits = 64

// New makes a Redactor of secret values. The package's comment says which of them are secrets; when none
// is, it is nil.
func New(values ...string) *Redactor {
	needles := map[string]bool{}
	for _, value := range values {
		for _, secret := range secretsOf(value) {
			for _, form := range forms(secret) {
				needles[form] = true
			}
		}
	}
	if len(needles) == 0 {
		return nil
	}
	r := &Redactor{window: maxWindow, ending: map[uint32][]string{}}
	for needle := range needles {
		r.needles = append(r.needles, needle)
		r.longest, r.window = max(r.longest, len(needle)), min(r.window, len(needle))
	}
	slices.Sort(r.needles)
	r.index()
	return r
}

// index makes the tables by which needles are found.
func (r *Redactor) index() {
	last := r.window - blockBytes // of the blocks in a window
	for i := range r.shift {
		r.shift[i] = uint8(last + 1)
	}
	for _, needle := range r.needles {
		for at := range last + 1 {
			h := hash(needle[at:])
			r.shift[h] = min(r.shift[h], uint8(last-at))
		}
		h := hash(needle[last:])
		r.ending[h] = append(r.ending[h], needle)
		pair := uint16(needle[0])<<8 | uint16(needle[1])
		r.pairs[pair/wordBits] |= 1 << (pair % wordBits)
	}
	for _, needles := range r.ending {
		slices.SortFunc(needles, func(a, b string) int { return len(b) - len(a) })
	}
}

// hash is that of a text's first block.
func hash[T string | []byte](text T) uint32 {
	const golden = 0x9E3779B1
	return (uint32(text[0]) | uint32(text[1])<<8 | uint32(text[2])<<16) * golden >> (32 - hashBits)
}

// find answers where the first needle that begins at from or later, and before to, begins and ends; of two
// that begin together, the longer one. It begins at -1 when there is none.
func (r *Redactor) find(text []byte, from, to int) (start, end int) {
	to = min(to, len(text)-r.window+1)
	last := r.window - blockBytes
	for start = from; start < to; {
		h := hash(text[start+last:])
		if skip := r.shift[h]; skip > 0 {
			start += int(skip)
			continue
		}
		for _, needle := range r.ending[h] {
			if len(needle) <= len(text)-start && string(text[start:start+len(needle)]) == needle {
				return start, start + len(needle)
			}
		}
		start++
	}
	return -1, -1
}

// undecided answers from where on a text may be the beginning of a needle; its length when nothing of it
// may be.
func (r *Redactor) undecided(text []byte) int {
	for start := max(0, len(text)-r.longest+1); start < len(text); start++ {
		if r.begins(text[start:]) {
			return start
		}
	}
	return len(text)
}

// begins tells whether a needle begins with a text, and goes on.
func (r *Redactor) begins(text []byte) bool {
	if len(text) > 1 {
		pair := uint16(text[0])<<8 | uint16(text[1])
		if r.pairs[pair/wordBits]>>(pair%wordBits)&1 == 0 {
			return false
		}
	}
	next, _ := slices.BinarySearchFunc(r.needles, text, func(needle string, text []byte) int {
		if needle <= string(text) {
			return -1
		}
		return 1
	})
	return next < len(r.needles) && strings.HasPrefix(r.needles[next], string(text))
}

// Bytes answers a text without secrets. Where there is none, it is the same slice.
func (r *Redactor) Bytes(text []byte) []byte {
	if r == nil {
		return text
	}
	if start, _ := r.find(text, 0, len(text)); start < 0 {
		return text
	}
	whole := Stream{secrets: r}
	return whole.cover(text, len(text))
}

// String answers a text without secrets.
func (r *Redactor) String(text string) string {
	if r == nil {
		return text
	}
	return string(r.Bytes([]byte(text)))
}
