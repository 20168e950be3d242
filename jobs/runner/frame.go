package runner

import (
	"encoding/binary"
	"time"

	"freshet/jobs"
)

// A frame is one record in the spool file:
//
//	4 bytes   length of the payload
//	8 bytes   time, in nanoseconds since 1970
//	1 byte    length of the event's type; 0 for output
//	1 byte    stream
//	1 byte    1 if partial
//	payload   the event's type and data, or the output's bytes
const (
	headerSize = 15
	typeAt     = 12
	streamAt   = 13
	partialAt  = 14
)

func appendFrame(frame []byte, r jobs.Record) []byte {
	kind, body := "", r.Bytes
	if r.Bytes == nil {
		kind, body = string(r.Type), r.Data
	}
	frame = binary.BigEndian.AppendUint32(frame, uint32(len(kind)+len(body)))
	frame = binary.BigEndian.AppendUint64(frame, uint64(r.At.UnixNano()))
	partial := byte(0)
	if r.Partial {
		partial = 1
	}
	frame = append(frame, byte(len(kind)), byte(r.Stream), partial)
	return append(append(frame, kind...), body...)
}

func frameSize(header []byte) int64 { return headerSize + int64(binary.BigEndian.Uint32(header)) }

// cutFrame takes the first frame off a buffer, if all of it is there.
func cutFrame(buffer []byte) (frame, rest []byte, whole bool) {
	if len(buffer) < headerSize || int64(len(buffer)) < frameSize(buffer) {
		return nil, buffer, false
	}
	size := frameSize(buffer)
	return buffer[:size:size], buffer[size:], true
}

// parseFrame reads a whole frame. The record shares its memory.
func parseFrame(frame []byte) jobs.Record {
	nanoseconds := int64(binary.BigEndian.Uint64(frame[4:]))
	payload, kind := frame[headerSize:], int(frame[typeAt])
	record := jobs.Record{At: time.Unix(0, nanoseconds)}
	if kind == 0 {
		record.Type, record.Bytes = jobs.TaskLog, payload
		record.Stream, record.Partial = jobs.Stream(frame[streamAt]), frame[partialAt] == 1
		return record
	}
	record.Type = jobs.EventType(payload[:kind])
	if len(payload) > kind {
		record.Data = payload[kind:]
	}
	return record
}
