import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'

import { createFreshet, tokenFrom } from '../src/index.js'
import { createFreshetHandler } from '../src/next/index.js'
import { serve, task, TaskError } from '../src/task/index.js'
import { body, json, refuse, serve as serveHttp, type Answer } from './server.js'
import { secret, signed } from './signed.js'

const url = 'https://app.example.com/api/freshet'
const work = (kind = 'thumbnail') => ({ taskId: 't-1', kind, attempt: 1, owner: 'ada', input: { width: 3 } })

const thumbnail = task('thumbnail', async ({ input, progress, signal }) => {
  progress(50)
  const { width } = input as { width: number }
  if (width < 0) throw new TaskError('too narrow', { retry: false })
  if (width === 0) await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  return { width }
})

async function lines(response: Response): Promise<unknown[]> {
  return (await response.text()).trimEnd().split('\n').map((line) => JSON.parse(line))
}

test('a route does the work of a kind, and tells it line by line', async () => {
  const { POST } = createFreshetHandler({ tasks: [thumbnail], secret })
  const response = await POST(signed(`${url}/tasks/thumbnail`, work()))
  assert.equal(response.status, 200)
  assert.equal(response.headers.get('content-type'), 'application/x-ndjson')
  assert.deepEqual(await lines(response), [{ alive: true }, { progress: 50 }, { output: { width: 3 } }])
})

test('a failure is the last line', async () => {
  const response = await serve(thumbnail, { secret })(signed(url, { ...work(), input: { width: -1 } }))
  assert.deepEqual((await lines(response)).at(-1), { error: { message: 'too narrow', retry: false } })
})

test('work that is not signed, or of another kind, is refused', async () => {
  const route = serve(thumbnail, { secret })
  assert.equal((await route(signed(url, work(), { age: 600 }))).status, 401)
  assert.equal((await route(new Request(url, { method: 'POST', body: JSON.stringify(work()) }))).status, 401)
  assert.equal((await route(signed(url, work('encode')))).status, 422)
  assert.equal((await createFreshetHandler({ tasks: [thumbnail], secret }).POST(signed(`${url}/tasks/encode`, work('encode')))).status, 404)
})

test('a worker that goes away aborts the signal', { timeout: 10_000 }, async () => {
  const ended = deferred()
  const waiting = task('waiting', async ({ signal }) => {
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
    ended.resolve(signal.reason)
  })
  const response = await serve(waiting, { secret })(signed(url, work('waiting')))
  await response.body?.cancel()
  assert.match(String(await ended.promise), /worker has gone away/)
})

function deferred() {
  let resolve: (value: unknown) => void = () => {}
  const promise = new Promise<unknown>((done) => (resolve = done))
  return { promise, resolve }
}

/** A stand-in for the server's POST /v1/tokens. */
async function tokenServerStandIn(t: TestContext, answer: Answer) {
  const { url, requests } = await serveHttp(t, answer)
  return { requests, freshet: createFreshet({ url, token: 'key' }) }
}

test('a signed-in user gets a token for their own tasks', async (t) => {
  const asked: unknown[] = []
  const { freshet, requests } = await tokenServerStandIn(t, async (request, response) => {
    asked.push(await body(request))
    await json({ token: 'read me', expiresAt: '2026-01-01T00:15:00Z' }, 201)(request, response)
  })
  const { POST } = createFreshetHandler({ freshet, owner: (request) => request.headers.get('cookie') })
  const response = await POST(new Request(`${url}/token`, { method: 'POST', headers: { cookie: 'ada' } }))
  assert.deepEqual(await response.json(), { token: 'read me', expiresAt: '2026-01-01T00:15:00Z' })
  assert.equal(response.headers.get('cache-control'), 'no-store')
  assert.deepEqual(asked, [{ owner: 'ada', scopes: ['read'], ttl: '15m' }])
  assert.equal(requests[0]?.url, '/v1/tokens')
  assert.equal(requests[0]?.headers.authorization, 'Bearer key')
})

test('nobody gets a token who is not signed in, and no reason of the server is told', async (t) => {
  const { freshet, requests } = await tokenServerStandIn(t, refuse(401, 'unauthorized'))
  const ask = (owner: string | null) =>
    createFreshetHandler({ freshet, owner: async () => owner }).POST(new Request(`${url}/token`, { method: 'POST' }))
  assert.equal((await ask(null)).status, 401)
  assert.equal(requests.length, 0)
  const logged = t.mock.method(console, 'error', () => {})
  const response = await ask('ada')
  assert.equal(response.status, 500)
  assert.equal((await response.json()).detail, 'No token could be made.')
  assert.equal(logged.mock.callCount(), 1)
  assert.equal((await createFreshetHandler({}).POST(new Request(`${url}/token`, { method: 'POST' }))).status, 404)
})

test('a browser keeps its token until shortly before its end', async (t) => {
  let now = Date.parse('2026-01-01T00:00:00Z')
  t.mock.method(Date, 'now', () => now)
  let asked = 0
  const token = tokenFrom('/api/freshet/token', async () => Response.json({ token: `t${++asked}`, expiresAt: '2026-01-01T00:15:00Z' }))
  assert.ok(typeof token === 'function')
  const both = await Promise.all([token({ refresh: false }), token({ refresh: false })])
  assert.deepEqual(both, ['t1', 't1'])
  assert.equal(await token({ refresh: true }), 't2')
  now = Date.parse('2026-01-01T00:14:00Z')
  assert.equal(await token({ refresh: false }), 't2')
  now = Date.parse('2026-01-01T00:14:31Z')
  assert.equal(await token({ refresh: false }), 't3')
})

test('a token that could not be had is asked for again', async () => {
  let asked = 0
  const token = tokenFrom('/t', async () => (++asked === 1 ? Response.json({ code: 'unauthorized' }, { status: 401 }) : Response.json({ token: 'later' })))
  assert.ok(typeof token === 'function')
  await assert.rejects(async () => token({ refresh: false }), { code: 'unauthorized', status: 401 })
  assert.equal(await token({ refresh: false }), 'later')
})
