package runner_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strconv"

	"freshet/jobs/runner"
)

// roleVariable makes this test binary a command.
const roleVariable = "RUNNER_TEST_ROLE"

// play is what the commands of the tests do. Commands that are simple enough are shell scripts instead.
func play(role string) (exitCode int) {
	argument := func() int {
		n, err := strconv.Atoi(os.Args[1])
		if err != nil {
			panic(err)
		}
		return n
	}
	switch role {
	case "environment":
		folder, err := os.Getwd()
		if err != nil {
			panic(err)
		}
		say(map[string]any{"output": map[string]any{"env": os.Environ(), "args": os.Args[1:], "folder": folder}})
	case "flood": // so many bytes, in lines
		write(bytes.Repeat([]byte("0123456789abcdefghijklmnopqrstuvwxyz, and again\n"), 1<<10), argument())
	case "binary": // so many bytes of all values, without a pattern that lines would follow
		block := make([]byte, 1<<16)
		for i := range block {
			block[i] = byte(i * 31 >> 3)
		}
		write(block, argument())
	case "line": // one line of so many bytes, in characters of three
		write(bytes.Repeat([]byte("€"), 1<<14), argument())
		fmt.Println()
	case "both": // so many lines, by turns on stdout and stderr
		for i := range argument() {
			fmt.Fprintf([]*os.File{os.Stdout, os.Stderr}[i%2], "line %d\n", i)
		}
	case "sweep": // the workspaces below a folder
		if err := (&runner.Host{Root: os.Args[1]}).Sweep(); err != nil {
			fmt.Println(err)
			return 1
		}
	case "leak": // secrets; with an argument in events too, with two in an error
		return leak()
	case "hog":
		kept := make([][]byte, 0, argument())
		for range cap(kept) {
			kept = append(kept, bytes.Repeat([]byte{1}, 1<<20))
		}
		fmt.Println(len(kept))
	default:
		panic("unknown role " + role)
	}
	return 0
}

// write repeats a block until so many bytes are written.
func write(block []byte, size int) {
	out := bufio.NewWriterSize(os.Stdout, 1<<16)
	for size > 0 {
		n := min(size, len(block))
		if _, err := out.Write(block[:n]); err != nil {
			panic(err)
		}
		size -= n
	}
	if err := out.Flush(); err != nil {
		panic(err)
	}
}

// say appends a line to the event file.
func say(line any) {
	encoded, err := json.Marshal(line)
	if err != nil {
		panic(err)
	}
	file, err := os.OpenFile(os.Getenv("FRESHET_EVENTS"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		panic(err)
	}
	defer file.Close()
	if _, err := file.Write(append(encoded, '\n')); err != nil {
		panic(err)
	}
}
