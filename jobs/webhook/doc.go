// Package webhook signs what Freshet sends to a user's app, as Standard Webhooks has it:
// https://www.standardwebhooks.com.
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
package webhook
