package cmd_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// terminal is a terminal, and the side of whoever sits at it.
func terminal(t *testing.T) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("there are no terminals here: %v", err)
	}
	t.Cleanup(func() { _ = person.Close() })
	number, err := unix.IoctlGetInt(int(person.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = program.Close() })
	return person, program
}

// echoes tells whether a terminal shows what is typed.
func echoes(terminal *os.File) bool {
	settings, err := unix.IoctlGetTermios(int(terminal.Fd()), unix.TCGETS)
	return err == nil && settings.Lflag&unix.ECHO != 0
}

// A person is asked twice, and the terminal does not show what is typed.
func TestPasswordAtATerminal(t *testing.T) {
	t.Parallel()
	p := newProgram(t, trueKinds).start()
	for second, code := range map[string]int{"correct horse": 0, "other horse": 2} {
		person, program := terminal(t)
		echoes := func() bool { return echoes(program) }
		command := exec.CommandContext(t.Context(), os.Args[0], "user", "add", fmt.Sprintf("ada-%d", code))
		command.Dir, command.Env, command.Stdin = p.folder, p.env, program
		prompts := &lines{added: make(chan struct{}, 1)}
		command.Stdout, command.Stderr = prompts, prompts
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		for i, typed := range []string{"correct horse\n", second + "\n"} {
			p.until("the terminal asks and shows nothing", func() bool { return strings.Count(prompts.String(), ": ") == i+1 && !echoes() })
			if _, err := person.WriteString(typed); err != nil {
				t.Fatal(err)
			}
		}
		_ = command.Wait() // the exit code tells
		if got := command.ProcessState.ExitCode(); got != code {
			t.Errorf("exit code %d, want %d: %s", got, code, prompts)
		}
		if !echoes() {
			t.Error("the terminal stays mute")
		}
		_ = program.Close()
		shown, _ := io.ReadAll(person) // ends with an error when nobody has the other side any more
		if strings.Contains(string(shown)+prompts.String(), "horse") {
			t.Errorf("the terminal shows %q", shown)
		}
	}
	if status := p.login("ada-0", "correct horse"); status != http.StatusOK {
		t.Errorf("status %d", status)
	}
}

// Who is asked and gives up gets back a terminal that shows what is typed.
func TestPasswordInterrupted(t *testing.T) {
	t.Parallel()
	p := newProgram(t, trueKinds)
	_, program := terminal(t)
	command := exec.CommandContext(t.Context(), os.Args[0], "user", "add", "ada")
	command.Dir, command.Env, command.Stdin = p.folder, p.env, program
	command.Env = append(command.Env, "FRESHET_URL=http://127.0.0.1:1", "FRESHET_API_KEY=x")
	prompts := &lines{added: make(chan struct{}, 1)}
	command.Stderr = prompts
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	p.output = prompts
	p.until("it asks", func() bool { return strings.Contains(prompts.String(), "New password of ada: ") && !echoes(program) })
	if err := command.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = command.Wait() // the exit code tells
	if code := command.ProcessState.ExitCode(); code != 1 || !echoes(program) {
		t.Errorf("exit code %d, the terminal shows what is typed: %v", code, echoes(program))
	}
}
