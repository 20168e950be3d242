package client

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// readAll reads a stream to its end, and says of each event what it is.
func readAll(in io.Reader) (events []string, r *sseReader, err error) {
	r = newSSE(in, "")
	for {
		event, err := r.next()
		if err != nil {
			return events, r, err
		}
		events = append(events, fmt.Sprintf("%q %q %q", r.lastID, event.kind, event.data))
	}
}

func TestSSE(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		stream string
		want   []string
	}{
		"nothing":           {"", nil},
		"a whole one":       {"id: 7\nevent: task.log\ndata: {}\n\n", []string{`"7" "task.log" "{}"`}},
		"without spaces":    {"id:7\nevent:e\ndata:x\n\n", []string{`"7" "e" "x"`}},
		"one space of two":  {"data:  x\n\n", []string{`"" "" " x"`}},
		"several lines":     {"data: a\ndata\ndata: b\n\n", []string{`"" "" "a\n\nb"`}},
		"an empty line":     {"data\n\ndata:\n\n", []string{`"" "" ""`, `"" "" ""`}},
		"comments":          {": beat\n\n:\ndata: x\n: y\n\n: beat\n\n", []string{`"" "" "x"`}},
		"no data":           {"id: 1\nevent: gone\n\ndata: x\n\n", []string{`"1" "" "x"`}},
		"the id stays":      {"id: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\n", []string{`"1" "" "a"`, `"1" "" "b"`, `"" "" "c"`}},
		"an id with NUL":    {"id: 1\ndata: a\n\nid: 2\x00\ndata: b\n\n", []string{`"1" "" "a"`, `"1" "" "b"`}},
		"CRLF":              {"id: 1\r\ndata: a\r\ndata: b\r\n\r\ndata: c\r\n\r\n", []string{`"1" "" "a\nb"`, `"1" "" "c"`}},
		"CR":                {"id: 1\rdata: a\rdata: b\r\rdata: c\r\r", []string{`"1" "" "a\nb"`, `"1" "" "c"`}},
		"all line ends":     {"data: a\rdata: b\r\ndata: c\n\r\n\r", []string{`"" "" "a\nb\nc"`}},
		"a BOM":             {"\ufeffdata: a\n\n\ufeffdata: b\n\n", []string{`"" "" "a"`}},
		"names of no field": {"Data: x\ndata : x\n data: x\nnoise\ndata: y\n\n", []string{`"" "" "y"`}},
		"half an event":     {"id: 1\ndata: a\n\nid: 2\ndata: b\n", []string{`"1" "" "a"`}},
		"text":              {"data: 日本\u2028x: y\n\n", []string{"\"\" \"\" \"日本\\u2028x: y\""}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for cut := range len(test.stream) + 1 {
				in := io.MultiReader(strings.NewReader(test.stream[:cut]), strings.NewReader(test.stream[cut:]))
				if got, _, err := readAll(in); !slices.Equal(got, test.want) || !errors.Is(err, io.EOF) {
					t.Errorf("cut at %d: %s, %v; want %s", cut, got, err, test.want)
				}
			}
			if got, _, _ := readAll(iotest.OneByteReader(strings.NewReader(test.stream))); !slices.Equal(got, test.want) {
				t.Errorf("byte by byte: %s, want %s", got, test.want)
			}
		})
	}
}

func TestSSEOfAStreamThatIsCutOff(t *testing.T) {
	t.Parallel()
	const stream = "retry: 5\r\n\r\nid: 1\r\ndata: a\r\n\r\nid: 2\r\ndata: b\r\ndata: c\r\n\r\n"
	first, second := strings.Index(stream, "a\r\n\r")+4, strings.LastIndex(stream, "\r")+1
	for cut := range len(stream) + 1 {
		events, r, err := readAll(strings.NewReader(stream[:cut]))
		want, lastID := 0, ""
		switch {
		case cut >= second:
			want, lastID = 2, "2"
		case cut >= first:
			want, lastID = 1, "1"
		}
		if len(events) != want || r.lastID != lastID || !errors.Is(err, io.EOF) {
			t.Errorf("cut at %d: %s and last id %q, %v", cut, events, r.lastID, err)
		}
	}
}

// An event is given as soon as its end was sent, also when that is a CR that an LF may follow.
func TestSSEDoesNotHoldBack(t *testing.T) {
	t.Parallel()
	out, in := io.Pipe()
	r := newSSE(out, "")
	for _, piece := range []string{"data: 1\r\r", "\ndata: 2\r\n\r", "\ndata: 3\n\n"} {
		go func() { _, _ = io.WriteString(in, piece) }()
		if event, err := r.next(); err != nil || !strings.Contains(piece, "data: "+string(event.data)) {
			t.Errorf("%q gave %q, %v", piece, event.data, err)
		}
	}
}

func TestSSERetry(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"1500": 1500 * time.Millisecond, "0": 0, "": 0, "-5": 0, "+5": 0, "1.5": 0, "5s": 0, "0x10": 0, "99999999999999999999": 0,
	} {
		if _, r, _ := readAll(strings.NewReader("retry: " + text + "\n\n")); r.retry != want {
			t.Errorf("retry: %q is %s, want %s", text, r.retry, want)
		}
	}
}

func TestSSEBounds(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		stream string
		fits   bool
	}{
		"a long line":         {"data: " + strings.Repeat("x", maxEvent-100) + "\n\n", true},
		"many lines":          {strings.Repeat("data: "+strings.Repeat("x", 1<<20)+"\n", 7) + "\n", true},
		"a line too long":     {"data: " + strings.Repeat("x", maxEvent) + "\n\n", false},
		"a line without end":  {strings.Repeat("x", maxEvent+1), false},
		"a comment too long":  {":" + strings.Repeat("x", maxEvent) + "\n\n", false},
		"too many lines":      {strings.Repeat("data: "+strings.Repeat("x", 1<<20)+"\n", 9) + "\n", false},
		"many events are not": {strings.Repeat("data: "+strings.Repeat("x", 1<<20)+"\n\n", 9), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			events, _, err := readAll(strings.NewReader(test.stream))
			if fits := len(events) > 0 && errors.Is(err, io.EOF); fits != test.fits || !fits && !errors.Is(err, errTooLong) {
				t.Errorf("%d events, %v", len(events), err)
			}
		})
	}
}

// plainSSE is the rules of the standard once more, as simple as they can be for a text that is whole.
func plainSSE(stream string) (events []string, lastID string) {
	stream = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.TrimPrefix(stream, byteOrderMark))
	lines := strings.Split(stream, "\n")
	var id, kind, data string
	for _, line := range lines[:len(lines)-1] {
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "" && data != "":
			events = append(events, fmt.Sprintf("%q %q %q", id, kind, strings.TrimSuffix(data, "\n")))
			lastID, kind, data = id, "", ""
		case line == "":
			lastID, kind = id, ""
		case name == "data":
			data += value + "\n"
		case name == "event":
			kind = value
		case name == "id" && !strings.Contains(value, "\x00"):
			id = value
		}
	}
	return events, lastID
}

// FuzzSSE reads any bytes, whole and in pieces, and compares with the plain reading of the standard.
func FuzzSSE(f *testing.F) {
	f.Add([]byte("\ufeffid: 1\r\nevent: e\rdata: a\ndata: b\n\n: beat\n\nretry: 10\n\ndata\n\n"), uint16(5))
	f.Add([]byte("id: 1\x00\r\r\ndata:  x\n\r\n"), uint16(1))
	f.Fuzz(func(t *testing.T, stream []byte, cut uint16) {
		want, lastID := plainSSE(string(stream))
		at := min(int(cut), len(stream))
		for name, in := range map[string]io.Reader{
			"whole":                      bytes.NewReader(stream),
			"byte by byte":               iotest.OneByteReader(bytes.NewReader(stream)),
			"cut at " + strconv.Itoa(at): io.MultiReader(bytes.NewReader(stream[:at]), bytes.NewReader(stream[at:])),
		} {
			got, r, err := readAll(in)
			if !slices.Equal(got, want) || r.lastID != lastID || !errors.Is(err, io.EOF) {
				t.Errorf("%s: %s and last id %q, want %s and %q; %v", name, got, r.lastID, want, lastID, err)
			}
		}
	})
}
