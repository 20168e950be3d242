/** Seconds that a message may be old, or its clock ahead. */
const tolerance = 5 * 60

/** What is wrong with a message. Do not act on such a one. */
export class SignatureError extends Error {
  override readonly name = 'SignatureError'
}

/**
 * Checks a message that was signed as Standard Webhooks has it, and returns its id, which is the same
 * each time that it is sent.
 *
 * @param secret `whsec_…`; while it is being replaced, the old one and the new one
 * @param headers of the request
 * @param body exactly as it came
 */
export async function verify(secret: string | readonly string[], headers: Headers, body: string): Promise<string> {
  const [id, timestamp, signatures] = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((name) => headers.get(name))
  if (!id || !timestamp || !signatures) throw new SignatureError('the message is not signed')
  const age = Date.now() / 1000 - Number(timestamp)
  if (!/^\d+$/.test(timestamp) || Math.abs(age) > tolerance) throw new SignatureError('the message is too old')
  const signed = new TextEncoder().encode(`${id}.${timestamp}.${body}`)
  for (const one of typeof secret === 'string' ? [secret] : secret) {
    const key = await crypto.subtle.importKey('raw', keyBytes(one), { name: 'HMAC', hash: 'SHA-256' }, false, ['verify'])
    for (const signature of signatures.split(' ')) {
      const bytes = signature.startsWith('v1,') ? base64(signature.slice(3)) : undefined
      if (bytes && (await crypto.subtle.verify('HMAC', key, bytes, signed))) return id
    }
  }
  throw new SignatureError('the message was signed with another secret, or changed')
}

function keyBytes(secret: string): Uint8Array<ArrayBuffer> {
  const bytes = base64(secret.replace(/^whsec_/, ''))
  if (!bytes || bytes.length < 16) throw new Error('a webhook secret is whsec_ and 24 to 64 bytes in base64')
  return bytes
}

function base64(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(text), (char) => char.charCodeAt(0))
  } catch {
    return undefined
  }
}
