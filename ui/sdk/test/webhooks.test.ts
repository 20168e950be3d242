import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createWebhookHandler, type EndpointEvent, SignatureError, verify, type WebhookEvent } from '../src/webhooks/index.js'
import { secret, sign, signed } from './signed.js'

const url = 'https://app.example.com/api/webhooks'
const event = { type: 'task.completed', taskId: 't', seq: 9, at: '2026-01-01T00:00:00Z', data: { task: { id: 't', state: 'completed', output: 'ø' } } }

test('the vector that the libraries of Standard Webhooks are tested with', async (t) => {
  t.mock.method(Date, 'now', () => 1614265330_000)
  const headers = new Headers({
    'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1a,unknown v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  })
  const key = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
  assert.equal(await verify(key, headers, '{"test": 2432232314}'), 'msg_p5jXN8AQM9LWM0D4loKWxJek')
  await assert.rejects(verify(key, headers, '{"test": 2432232315}'), SignatureError)
})

/** What is told of an endpoint: there is no task in it. */
const endpoint = { id: 'e', url }
const tried: EndpointEvent = { type: 'endpoint.test', at: event.at, data: { endpoint } }
const disabled: EndpointEvent = { type: 'endpoint.disabled', at: event.at, data: { endpoint, reason: 'It answered 410 Gone.' } }

test('a message is handed on by its type, with the id of its delivery', async () => {
  const seen: [string, WebhookEvent | EndpointEvent][] = []
  const { POST } = createWebhookHandler({
    secret,
    'task.completed': (event, { id }) => void seen.push([id, event]),
    'task.cancelled': (event, { id }) => void seen.push([id, event]),
    other: (event, { id }) => void seen.push([`other ${id}`, event]),
  })
  const [cancelled, started] = ['task.cancelled', 'task.started'].map((type) => ({ ...event, type }))
  const sent = [event, cancelled, started, tried, disabled, { ...event, type: 'task.failed' }, { type: 'of a newer server', data: 1 }]
  for (const [n, told] of sent.entries()) assert.equal((await POST(signed(url, told, { id: `msg_${n}` }))).status, 204)
  const newer = seen.pop()
  assert.deepEqual(seen, [['msg_0', event], ['msg_1', cancelled], ['other msg_2', started], ['other msg_3', tried], ['other msg_4', disabled]])
  assert.deepEqual(newer, ['other msg_6', sent.at(-1)])
})

const forged: [string, Request][] = [
  ['changed', signed(url, event, { body: JSON.stringify({ ...event, seq: 10 }) })],
  ['ten minutes old', signed(url, event, { age: 600 })],
  ['ten minutes ahead', signed(url, event, { age: -600 })],
  ['signed with another secret', signed(url, event, { key: 'whsec_' + Buffer.alloc(24).toString('base64') })],
  ['not signed', new Request(url, { method: 'POST', body: JSON.stringify(event) })],
]

for (const [name, request] of forged) {
  test(`a message that is ${name} is refused`, async () => {
    const { POST } = createWebhookHandler({ secret, 'task.completed': () => assert.fail('it was believed') })
    assert.equal((await POST(request)).status, 400)
  })
}

test('while a secret is replaced, both are good', async () => {
  const old = 'whsec_' + Buffer.alloc(32, 7).toString('base64')
  const { POST } = createWebhookHandler({ secret: [secret, old] })
  assert.equal((await POST(signed(url, event, { key: old }))).status, 204)
  const request = signed(url, event)
  const text = `msg_1.${request.headers.get('webhook-timestamp')}.${JSON.stringify(event)}`
  request.headers.set('webhook-signature', `v1,${sign(old, text)} v1,${sign(secret, text)}`)
  assert.equal((await createWebhookHandler({ secret }).POST(request)).status, 204)
})

test('the environment may name several secrets', async (t) => {
  const old = 'whsec_' + Buffer.alloc(32, 7).toString('base64')
  const { POST } = createWebhookHandler({})
  t.after(() => delete process.env['FRESHET_WEBHOOK_SECRET'])
  for (const text of [`${secret} ${old}`, `${old},${secret}`, ` ${secret}\n`]) {
    process.env['FRESHET_WEBHOOK_SECRET'] = text
    assert.equal((await POST(signed(url, event))).status, 204, text)
  }
  for (const text of ['', ' ', undefined]) {
    if (text === undefined) delete process.env['FRESHET_WEBHOOK_SECRET']
    else process.env['FRESHET_WEBHOOK_SECRET'] = text
    await assert.rejects(POST(signed(url, event)), /no secret is known/)
  }
})

test('a secret that is none, and an error of the app, are not the fault of the sender', async () => {
  await assert.rejects(createWebhookHandler({ secret: 'whsec_short' }).POST(signed(url, event)), /a webhook secret is whsec_/)
  const { POST } = createWebhookHandler({ secret, 'task.completed': () => Promise.reject(new Error('database away')) })
  await assert.rejects(POST(signed(url, event)), /database away/)
})
