package notify

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// Names of the variables of the environment by which a program learns who watches over it.
const (
	SocketVariable      = "NOTIFY_SOCKET"
	WatchdogVariable    = "WATCHDOG_USEC"
	WatchdogPIDVariable = "WATCHDOG_PID"
)

// Message is what a program tells at once: one line, or several.
type Message string

// What can be told.
const (
	Ready    Message = "READY=1"    // it does its duty
	Stopping Message = "STOPPING=1" // it begins to stop
	Alive    Message = "WATCHDOG=1" // it has not hung up
)

// Has tells whether a line, such as Ready, is in the message.
func (m Message) Has(line Message) bool {
	for each := range strings.SplitSeq(string(m), "\n") {
		if each == string(line) {
			return true
		}
	}
	return false
}

// Status is a line for people who look at the program's state.
func Status(text string) Message {
	return Message("STATUS=" + strings.ReplaceAll(text, "\n", " "))
}

// Reloading says that a reload has begun, which ends with the next Ready.
func Reloading() Message {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return "RELOADING=1"
	}
	return Message(fmt.Sprintf("RELOADING=1\nMONOTONIC_USEC=%d", now.Nano()/1000))
}
