// Package api serves Freshet's HTTP interface: huma on chi, a file per resource.
//
// # The way of a request
//
//	trace ─► rescue ─► cors ─► route ─► guard ─► parameters ─► handler ─► answer or problem
//
// trace gives the request its id, sets the headers that every answer has, and writes the one line that
// the log gets of it; what went wrong is logged there and nowhere else. rescue turns a panic into a
// problem that shows the request's id and nothing more. guard finds out who asks; it holds for every
// operation that is not declared public. Somebody is an API key, a token, which holds all there is to know of
// it under a signature, a JWT of another issuer, or a session: a browser's, known by a cookie, or a script's.
// Which operations are for which of them, and with which scope, is declared with each.
//
// A handler that touches a task gets it from Server.owned, the one place that decides whose task it is:
// an unknown id is 404, somebody else's task 403. guard also names the caller's owner to the database, which
// shows later reads nobody else's rows, if it stands behind a wall (see package postgres). A body is
// taken by guard, when it is known who asks, and before the time of the work begins. Its handler reads it
// through readBody: first checked as text that can be stored and that every reader understands alike, then
// decoded strictly.
//
// # Signing in
//
// Who knows the password of a user gets a session. A try is counted before the password is looked at, by
// name and by address, in the database: so the limits hold over replicas and however many come at once. A
// good one is taken off the count again. An unknown name, a disabled user and a wrong password take the same
// work and get the same answer. A session is bound to the generation of its user, which rises with every
// change of the user; what was opened before is then good no more, and neither are the tokens that were
// made in it.
//
// # Errors
//
// Every refusal is an RFC 9457 problem with a code from the table in problem.go, those of the router
// and of huma included. An error that is none of ours becomes a 500 that says nothing, or a 503 when
// it is the database that is away.
//
// # Waiting
//
// GET /v1/tasks/{id}?wait= holds the request until the task changes. It subscribes to the Hub first
// and reads afterwards, so no change is missed; a lost hint costs a second, for it reads again that
// often. It ends with the task as it is then when the time is up or the server stops, and without an
// answer when the client goes away.
//
// A stream is an outlet: the request's goroutine, one channel that wakes it, and one timer. It is written when
// routing has returned. It ends with its task, and also when its reader is slow, when what let the reader in
// has expired or was revoked, and when the server stops; readers come back then, and resume.
//
// # What is shared between replicas
//
// Cursors and artifact addresses are signed with keys that lie wrapped in the database, so that each
// replica accepts those of all others. Kinds are read again every few seconds, and at once when a
// submit names one that is not known.
package api
