package cmd_test

import (
	"net"
	"os"
	"testing"
)

// listening is an open socket, as a file to be handed down, and its address.
func listening(t *testing.T) (file *os.File, address string) {
	t.Helper()
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = socket.Close() })
	file, err = socket.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	return file, socket.Addr().String()
}
