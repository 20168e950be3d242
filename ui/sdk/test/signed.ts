import { createHmac } from 'node:crypto'

export const secret = 'whsec_' + Buffer.from('a secret of twenty-four b').toString('base64')

/** A signed request, as Freshet sends it. What is given last replaces what is right. */
export function signed(url: string, content: unknown, { key = secret, id = 'msg_1', age = 0, body }: { key?: string; id?: string; age?: number; body?: string } = {}): Request {
  const text = JSON.stringify(content)
  const timestamp = String(Math.floor(Date.now() / 1000) - age)
  const headers = { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${sign(key, `${id}.${timestamp}.${text}`)}` }
  return new Request(url, { method: 'POST', headers, body: body ?? text })
}

/** The signature of Standard Webhooks, made by another implementation of HMAC than the one under test. */
export function sign(key: string, text: string): string {
  return createHmac('sha256', Buffer.from(key.slice('whsec_'.length), 'base64')).update(text).digest('base64')
}
