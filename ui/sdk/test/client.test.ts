import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'

import { createFreshet, FreshetError, isEnded } from '../src/index.js'
import { body, id, json, refuse, serve, task, type Answer } from './server.js'

async function open(t: TestContext, ...answers: Answer[]) {
  const server = await serve(t, ...answers)
  return { ...server, freshet: createFreshet({ url: `${server.url}/`, token: 'secret' }) }
}

test('a submit', async (t) => {
  const bodies: unknown[] = []
  const { freshet, requests } = await open(t, async (request, response) => {
    bodies.push(await body(request))
    await json(task({ state: 'pending', readToken: 'r' }), 202)(request, response)
  })
  const scheduledAt = new Date('2026-02-01T00:00:00Z')
  const webhookUrl = 'https://app.example.com/hooks'
  const submitted = await freshet.submit('report', { month: 1 }, { owner: 'ada', idempotencyKey: 'k', webhookUrl, scheduledAt })
  assert.equal(submitted.readToken, 'r')
  assert.equal(requests[0]?.method, 'POST')
  assert.equal(requests[0]?.url, '/v1/tasks')
  assert.equal(requests[0]?.headers['content-type'], 'application/json')
  assert.equal(requests[0]?.headers.authorization, 'Bearer secret')
  assert.deepEqual(bodies, [{ kind: 'report', input: { month: 1 }, owner: 'ada', idempotencyKey: 'k', webhookUrl, scheduledAt: '2026-02-01T00:00:00.000Z' }])
})

test('a refusal is an error with what the server said', async (t) => {
  const errors = [{ pointer: '/input/month', code: 'required', message: 'is missing' }]
  const { freshet } = await open(t, json({ status: 422, code: 'invalid_input', detail: 'no', requestId: 'R', errors }, 422, { 'retry-after': '7' }))
  await assert.rejects(freshet.submit('report', {}), (error) => {
    assert.ok(error instanceof FreshetError)
    const { status, code, message, requestId, retryAfter } = error
    assert.deepEqual({ status, code, message, requestId, retryAfter, errors: error.errors }, { status: 422, code: 'invalid_input', message: 'no', requestId: 'R', retryAfter: 7, errors })
    return true
  })
})

test('a refusal of a proxy, which knows no problems', async (t) => {
  const { freshet } = await open(t, (_, response) => void response.writeHead(502, { 'content-type': 'text/html' }).end('<h1>Bad gateway'))
  await assert.rejects(freshet.get(id), { status: 502, code: 'http_502' })
})

test('a server that is not there is the error of fetch', async () => {
  const freshet = createFreshet({ url: 'http://127.0.0.1:1', token: 'x' })
  await assert.rejects(freshet.get(id), TypeError)
})

test('a body is sent again with the new token', async (t) => {
  const bodies: unknown[] = []
  const record = (answer: Answer): Answer => async (request, response) => {
    bodies.push(await body(request))
    await answer(request, response)
  }
  const { url } = await serve(t, record(refuse(401, 'unauthorized')), record(json(task(), 202)))
  const freshet = createFreshet({ url, token: ({ refresh }) => (refresh ? 'new' : 'old') })
  await freshet.submit('report', { month: 3 })
  assert.deepEqual(bodies, [{ kind: 'report', input: { month: 3 } }, { kind: 'report', input: { month: 3 } }])
})

test('a wait goes on over polls and a restart of the server, to the end', async (t) => {
  const done = json(task({ state: 'completed', output: { pages: 2 } }))
  const { freshet, requests } = await open(t, json(task()), refuse(503, 'unavailable', { 'retry-after': '0' }), done)
  const ended = await freshet.wait('report', id)
  assert.equal(ended.state, 'completed')
  assert.deepEqual(ended.output, { pages: 2 })
  assert.ok(isEnded(ended))
  assert.deepEqual(requests.map((r) => r.url), Array(3).fill(`/v1/tasks/${id}?wait=30s&until=end`))
})

test('a wait ends with a refusal for good, and with its signal', async (t) => {
  const { freshet } = await open(t, refuse(404, 'not_found'), () => {})
  await assert.rejects(freshet.wait(id), { code: 'not_found' })
  const reason = new Error('enough')
  const abort = new AbortController()
  const waiting = freshet.wait(id, { signal: abort.signal })
  setImmediate(() => abort.abort(reason))
  await assert.rejects(waiting, reason)
})

test('the other calls', async (t) => {
  const { freshet, requests } = await open(
    t,
    json({ items: [task()], nextCursor: 'c' }),
    json(task()), json(task()), json(task(), 202),
    (_, response) => void response.writeHead(204).end(),
    json({ items: [] }), json({ items: [] }), json({ items: [] }),
  )
  assert.equal((await freshet.list({ kind: 'report', state: 'running', limit: 5 })).nextCursor, 'c')
  await freshet.cancel(id)
  await freshet.retry(id)
  await freshet.rerun(id, { month: 9 })
  assert.equal(await freshet.delete(id), undefined)
  assert.deepEqual(await freshet.artifacts(id), [])
  assert.deepEqual(await freshet.attempts(id), [])
  assert.deepEqual(await freshet.logs(id, { tail: 3 }), [])
  assert.deepEqual(requests.map((r) => `${r.method} ${r.url}`), [
    'GET /v1/tasks?kind=report&state=running&limit=5',
    `POST /v1/tasks/${id}/cancel`,
    `POST /v1/tasks/${id}/retry`,
    `POST /v1/tasks/${id}/rerun`,
    `DELETE /v1/tasks/${id}`,
    `GET /v1/tasks/${id}/artifacts`,
    `GET /v1/tasks/${id}/attempts`,
    `GET /v1/tasks/${id}/logs?tail=3&format=json`,
  ])
})

test('the environment is read when a call is made, and a missing one said', async (t) => {
  const freshet = createFreshet()
  await assert.rejects(freshet.get(id), /set FRESHET_URL/)
  const { url, requests } = await serve(t, json(task()))
  Object.assign(process.env, { FRESHET_URL: url, FRESHET_API_KEY: 'from the environment' })
  t.after(() => ['FRESHET_URL', 'FRESHET_API_KEY'].forEach((name) => delete process.env[name]))
  await freshet.get(id)
  assert.equal(requests[0]?.headers.authorization, 'Bearer from the environment')
  await assert.rejects(createFreshet({ url: 'localhost:8080' }).get(id), /must begin with/)
})
