// Package notify speaks the protocol of sd_notify(3) in both directions: a program tells whoever watches
// over it that it is ready, that it stops, and that it is alive; and a supervisor hears it. So one
// program works under systemd and under our own supervisor.
//
// A message is one datagram on the Unix socket that the environment names as NOTIFY_SOCKET: lines of
// NAME=VALUE. Who hears it need not answer, and a message that cannot be sent is no reason to stop.
package notify
