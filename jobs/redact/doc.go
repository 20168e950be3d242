// Package redact takes secrets out of text before it goes where others read it.
//
// A Redactor is made of the values that must not be seen. Each is looked for in every form in which a
// program is likely to show it: as it stands; quoted, as in JSON, Go, JavaScript, Python and the shell, and
// quoted twice, as in a log line that holds JSON; in base64, of both alphabets, wherever it lies in what was
// encoded; and URL-encoded, as the usual libraries do it. These forms are the needles. Whatever a needle
// covers is replaced by Marker; needles that overlap are one.
//
// What is a secret:
//
//   - A value of at least six bytes, without the white space around it. Shorter ones are in every text.
//   - Each line of at least eight bytes of a value that has several, such as a private key.
//   - The password in a value that is an address, such as that of a database, unless it is the user's name or
//     the scheme over again, as in postgres://postgres:postgres@localhost.
//   - Not the bare address of a server, such as https://app.example.com: it holds nothing to hide, and
//     results are full of it.
//
// A Stream finds a needle that comes in pieces. It holds back what may be the beginning of one, byte for
// byte, and nothing else, until what follows decides, or the text ends; no time does, for a pause is no sign
// that the rest will not come. So a line is delayed only while it ends as a secret begins.
//
// This guards against accidents: a command that prints its environment, an error that shows an address. It
// does not stop a program that wants to give a secret away, which can always spell it some other way. In
// base64, up to four bits of the first and the last byte of a secret stay, where these share a character with
// what is around it.
//
// The package is pure. It never fails, whatever the text.
package redact
