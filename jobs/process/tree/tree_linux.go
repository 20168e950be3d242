package tree

import (
	"bytes"
	"iter"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// dead are the states of /proc/PID/stat in which a process runs no more.
const dead = "ZXx"

// Status is what the kernel says about one process.
type Status struct {
	Parent, Group, Session int
	Threads                int  // at least one
	Dead                   bool // it has ended and waits to be reaped
}

// Read answers the status of a process, or an error if there is none.
func Read(pid int) (Status, error) {
	line, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return Status{}, err
	}
	// The name of the program, in parentheses, may itself hold spaces and parentheses.
	fields := bytes.Fields(line[bytes.LastIndexByte(line, ')')+1:])
	if len(fields) < 18 {
		return Status{}, syscall.ESRCH
	}
	var n [4]int
	for i, at := range [...]int{1, 2, 3, 17} { // in proc(5) these are 4, 5, 6 and 20
		if n[i], err = strconv.Atoi(string(fields[at])); err != nil {
			return Status{}, err
		}
	}
	return Status{
		Parent: n[0], Group: n[1], Session: n[2], Threads: max(n[3], 1),
		Dead: strings.IndexByte(dead, fields[0][0]) >= 0,
	}, nil
}

// Children answers the direct children of a process, the dead that nobody reaped included. The list
// may miss one if a sibling of it is reaped meanwhile.
func Children(pid int) []int {
	tasks := "/proc/" + strconv.Itoa(pid) + "/task"
	threads, err := os.ReadDir(tasks)
	if err != nil {
		return nil
	}
	var children []int
	supported := false
	for _, thread := range threads {
		list, err := os.ReadFile(tasks + "/" + thread.Name() + "/children")
		supported = supported || err == nil
		for field := range bytes.FieldsSeq(list) {
			if child, err := strconv.Atoi(string(field)); err == nil && child > 0 {
				children = append(children, child)
			}
		}
	}
	if !supported {
		return scan(pid)
	}
	return children
}

// scan finds the children where the kernel was built without their list.
func scan(parent int) []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var children []int
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if status, err := Read(pid); err == nil && status.Parent == parent {
			children = append(children, pid)
		}
	}
	return children
}

// Walk yields each descendant of a process, parents first. The children of a process are read before it
// is yielded.
func Walk(pid int) iter.Seq[int] {
	return func(yield func(pid int) bool) { descend(Children(pid), yield) }
}

// descend goes on until yield says that it is enough, and answers that.
func descend(pids []int, yield func(pid int) bool) bool {
	for _, pid := range pids {
		children := Children(pid)
		if !yield(pid) || !descend(children, yield) {
			return false
		}
	}
	return true
}
