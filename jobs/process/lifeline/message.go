//go:build unix

package lifeline

import (
	"errors"
	"io"
	"strconv"
	"strings"
	"syscall"
	"time"

	"freshet/jobs/process/sandbox"
)

// Kinds of messages.
const (
	kindCommand = 'C'
	kindStarted = 'S'
	kindNotRun  = 'N'
	kindRenew   = 'R'
	kindStop    = 'T'
	kindKill    = 'K'
	kindEnded   = 'E'
)

// Command is what a shim is to run. Its standard streams are the shim's own.
type Command struct {
	Path   string        // of the executable, looked up already
	Args   []string      // Args[0] is the name the program sees
	Env    []string      // the whole environment
	Dir    string        // the working directory; empty: the shim's
	Grace  time.Duration // between SIGTERM and SIGKILL
	Memory int64         // bytes the whole tree may use; 0: no limit
	Watch  bool          // enforce Memory and Processes by watching, even where a control group may be made

	Processes int // how many the whole tree may be, each thread counted; 0: no limit
	OpenFiles int // how many each process may have open; 0: as many as the shim

	KeepUmask bool // the worker's umask, instead of a private one

	User *syscall.Credential // who it runs as, with no way back; nil: the shim's user

	Sandbox *sandbox.Rules // what it is confined to, with all that it forks; nil: nothing
}

// Started says that the command was executed.
type Started struct{ PID int }

// NotRun says why it was not.
type NotRun struct {
	Op    string        // what failed
	Errno syscall.Errno // zero: Op says why as well
}

// Ended says how it ended. Nothing of the tree lives any more, but for Survivors.
type Ended struct {
	Status     syscall.WaitStatus // of the command itself
	CPU        time.Duration      // user and system, of everything that was waited for
	MaxRSS     int64              // bytes, of the largest process
	Stragglers int                // processes that outlived the command and were killed
	Survivors  int                // processes that could not be killed
	OOM        bool               // the memory limit was hit
	Crowded    bool               // the limit of processes was hit
	Expired    bool               // the lease ran out
}

func (c Command) message() message {
	fields := []string{
		c.Path, c.Dir, number(int64(c.Grace)), number(c.Memory), strconv.FormatBool(c.Watch), strconv.FormatBool(c.KeepUmask),
		userText(c.User), number(int64(c.Processes)), number(int64(c.OpenFiles)), number(int64(len(c.Args))),
	}
	fields = append(fields, sandboxFields(c.Sandbox)...)
	fields = append(fields, c.Args...)
	return message{kind: kindCommand, fields: append(fields, c.Env...)}
}

func parseCommand(fields []string) (Command, error) {
	const fixed = 10
	if len(fields) < fixed {
		return Command{}, io.ErrUnexpectedEOF
	}
	n := numbers{}
	c := Command{
		Path: fields[0], Dir: fields[1], Grace: time.Duration(n.parse(fields[2])), Memory: n.parse(fields[3]),
		Watch: fields[4] == "true", KeepUmask: fields[5] == "true",
		User: n.user(fields[6]), Processes: int(n.parse(fields[7])), OpenFiles: int(n.parse(fields[8])),
	}
	count := n.parse(fields[9])
	var err error
	rest := fields[fixed:]
	if c.Sandbox, rest, err = parseSandbox(rest); err != nil {
		return Command{}, err
	}
	if n.err != nil || count < 0 || count > int64(len(rest)) {
		return Command{}, errors.Join(io.ErrUnexpectedEOF, n.err)
	}
	c.Args, c.Env = rest[:count:count], rest[count:]
	return c, nil
}

func (s Started) message() message {
	return message{kind: kindStarted, fields: []string{number(int64(s.PID))}}
}

func parseStarted(fields []string) (Started, error) {
	if len(fields) != 1 {
		return Started{}, io.ErrUnexpectedEOF
	}
	n := numbers{}
	return Started{PID: int(n.parse(fields[0]))}, n.err
}

func (f NotRun) message() message {
	return message{kind: kindNotRun, fields: []string{f.Op, number(int64(f.Errno))}}
}

func parseNotRun(fields []string) (NotRun, error) {
	if len(fields) != 2 {
		return NotRun{}, io.ErrUnexpectedEOF
	}
	n := numbers{}
	return NotRun{Op: fields[0], Errno: syscall.Errno(n.parse(fields[1]))}, n.err
}

func (e Ended) message() message {
	return message{kind: kindEnded, fields: []string{
		number(int64(e.Status)), number(int64(e.CPU)), number(e.MaxRSS), number(int64(e.Stragglers)), number(int64(e.Survivors)),
		strconv.FormatBool(e.OOM), strconv.FormatBool(e.Expired), strconv.FormatBool(e.Crowded),
	}}
}

func parseEnded(fields []string) (Ended, error) {
	if len(fields) != 8 {
		return Ended{}, io.ErrUnexpectedEOF
	}
	n := numbers{}
	return Ended{
		Status: syscall.WaitStatus(n.parse(fields[0])), CPU: time.Duration(n.parse(fields[1])), MaxRSS: n.parse(fields[2]),
		Stragglers: int(n.parse(fields[3])), Survivors: int(n.parse(fields[4])), OOM: fields[5] == "true", Expired: fields[6] == "true",
		Crowded: fields[7] == "true",
	}, n.err
}

// sandboxFields are the number of the fields that rules take, and these; none for no rules.
func sandboxFields(rules *sandbox.Rules) []string {
	if rules == nil {
		return []string{number(0)}
	}
	fields := rules.Fields()
	return append([]string{number(int64(len(fields)))}, fields...)
}

// parseSandbox reads what sandboxFields wrote, and answers the rest as well.
func parseSandbox(fields []string) (*sandbox.Rules, []string, error) {
	if len(fields) == 0 {
		return nil, nil, io.ErrUnexpectedEOF
	}
	n := numbers{}
	count, rest := n.parse(fields[0]), fields[1:]
	if n.err != nil || count < 0 || count > int64(len(rest)) {
		return nil, nil, errors.Join(io.ErrUnexpectedEOF, n.err)
	}
	if count == 0 {
		return nil, rest, nil
	}
	rules, err := sandbox.Parse(rest[:count])
	return &rules, rest[count:], err
}

// userText is the numbers of a user, its group and its further groups; empty for none.
func userText(user *syscall.Credential) string {
	if user == nil {
		return ""
	}
	ids := []string{number(int64(user.Uid)), number(int64(user.Gid))}
	for _, group := range user.Groups {
		ids = append(ids, number(int64(group)))
	}
	return strings.Join(ids, " ")
}

// user reads what userText wrote.
func (n *numbers) user(text string) *syscall.Credential {
	fields := strings.Fields(text)
	if len(fields) < 2 {
		return nil
	}
	user := &syscall.Credential{Uid: uint32(n.parse(fields[0])), Gid: uint32(n.parse(fields[1]))}
	for _, group := range fields[2:] {
		user.Groups = append(user.Groups, uint32(n.parse(group)))
	}
	return user
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

// numbers parses several, and keeps the first error.
type numbers struct{ err error }

func (n *numbers) parse(s string) int64 {
	v, err := strconv.ParseInt(s, 10, 64)
	if err != nil && n.err == nil {
		n.err = err
	}
	return v
}
