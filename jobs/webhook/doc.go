// Package webhook signs what Freshet sends to a user's app, as Standard Webhooks has it:
// https://www.standardwebhooks.com. It also sends it, to any URL that a user names, without becoming a
// way into the network that Freshet stands in.
//
// # Signatures
//
// A message has an id, which stays the same each time that it is sent, the time of this sending, and a
// body. What is signed is "id.time.body", so that none of the three can be changed or moved to another
// message. The three headers are
//
//	webhook-id         the id
//	webhook-timestamp  seconds since 1970
//	webhook-signature  "v1," and the HMAC-SHA-256 in base64, once for each secret, separated by spaces
//
// A receiver takes a message that any of its own secrets has signed, not older than Tolerance. So a
// secret is replaced without a lost message: the sender signs with the new one and the old one, then the
// receivers change over, then the sender leaves the old one out.
//
// What an endpoint is signed with, and its owner's headers, are kept sealed (Seal).
//
// # What a receiver may count on
//
//   - A message is a POST of JSON. Each time that it is sent it has the same id and the same bytes, and a
//     time and signature of its own.
//   - It may come twice, even at once: what was taken may be sent again if the answer was lost. The id
//     tells.
//   - Messages may come in another order than things happened.
//   - A status of 2xx means taken, and 410 that no more are wanted. All else is a failure, 3xx too.
//   - It has 20 seconds for its answer, from DNS to the last byte. Retry-After is heeded, up to a day.
//   - Of the answer 4 KiB are kept. More than 64 KiB are not read.
//   - The headers that its owner chose come along, and cannot replace one of Freshet's.
//
// # What is refused
//
// A URL is checked twice, and each check is there for what the other cannot see. CheckURL sees the text,
// when it is registered and at each sending: it refuses what cannot be right and says so to a person who
// can mend it. Control sees the address, in the moment between DNS and the connection: it is the one that
// keeps private networks private, since a name may stand for another address each time that it is asked
// for.
//
//   - Addresses that are not public: all ranges of IANA's special-purpose registries, multicast, and IPv6
//     outside 2000::/3. There are the operator's databases, the cloud's metadata, and Freshet itself.
//     Policy.Allow names the exceptions. An IPv4 address in an IPv6 one is judged as what it is; to allow
//     NAT64 (64:ff9b::/96) allows nothing private behind it.
//   - Ports below 1024 but for 443, and 80 where http is allowed: there are mail, SSH and the like. Above
//     are the odd ports of people who host their apps themselves.
//   - http, unless Policy.AllowHTTP: who reads a message on its way can take its body, and send it again
//     for as long as Tolerance.
//   - All spellings of an address but the usual one, and hosts that are not ASCII: libraries disagree about
//     them, so that one checks what another does not connect to.
//   - User and password, which show up in logs, and fragments, which are not sent.
//   - Redirects: they would take the message, with its signature, past the first check.
//   - Messages without a secret, or with a dot in the id, which could be read as another message.
//
// No proxy of the environment is used, since the hook would judge the proxy's address.
//
// # Failures
//
//   - Nothing listens, DNS knows no such name, the certificate is wrong: Answer.Err says it. Nothing was
//     sent.
//   - The connection breaks before there is an answer: Answer.Err says it. Whether the message was taken is
//     not known.
//   - A connection that was kept from an earlier message turns out to be closed: the message is sent again
//     at once, on a new one.
//   - Too late: the connection is closed, and Answer.Err says it. Once there is a status the answer stands,
//     whatever becomes of its body.
//   - The header has more than 64 KiB, or what comes is not HTTP: a failure, in words of ours. What the
//     receiver said instead is not repeated, since it may repeat the headers that it was given.
//   - A refusal is a failure like others, and is tried again: DNS may be mended, or the policy changed.
//   - ctx ends: the same as a connection that breaks. A stop of the program should not count as a failure
//     of the receiver.
//
// After a failure comes the next sending when Delay says, ten in all over about 76 hours.
package webhook
