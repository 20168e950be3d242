import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'

import { createFreshet, FreshetError, type Freshet, type SubscribeOptions, type TaskEvent } from '../src/index.js'
import { end, frames, id, lifecycle, log, progress, refuse, serve, stream, task, type Answer } from './server.js'

async function all(events: AsyncIterable<TaskEvent>): Promise<TaskEvent[]> {
  const seen: TaskEvent[] = []
  for await (const event of events) seen.push(event)
  return seen
}

async function open(t: TestContext, ...answers: Answer[]) {
  const server = await serve(t, ...answers)
  return { ...server, freshet: createFreshet({ url: server.url, token: 'secret' }) }
}

const read = (freshet: Freshet, options?: SubscribeOptions) => all(freshet.subscribe(id, options))

test('a stream cut at every byte loses nothing', async (t) => {
  const text = `: hello\n\nretry: 1\n\n${lifecycle('task.snapshot', task())}${progress(1, 'Ærø 🌊')}\r\n: beat\n\n${log(2, 'a\nb\n')}${end}`
  const bytes = Buffer.from(text)
  const { freshet } = await open(t, async (_, response) => {
    stream(response).socket?.setNoDelay(true)
    for (const byte of bytes) await new Promise((sent) => response.write(Buffer.of(byte), sent))
    response.end()
  })
  const events = await read(freshet)
  assert.deepEqual(events.map((e) => [e.type, e.seq]), [['task.snapshot', 2], ['task.progress', 1], ['task.log', 2]])
  assert.deepEqual(events[1]?.data, { progress: 1, message: 'Ærø 🌊' })
})

test('a response cut off after any byte is resumed without a gap or a double', async (t) => {
  const whole = [1, 2, 3, 4].map((seq) => progress(seq, `ø${seq}`))
  const length = Buffer.byteLength(whole.join(''))
  for (let cut = 0; cut <= length; cut++) {
    const { freshet, requests } = await open(
      t,
      (_, response) => void stream(response).end(Buffer.concat([Buffer.from('retry: 1\n\n'), Buffer.from(whole.join('')).subarray(0, cut)])),
      (request, response) => {
        const last = Number(request.headers['last-event-id'] ?? 0)
        stream(response).end(whole.slice(last).join('') + end)
      },
    )
    const events = await read(freshet)
    assert.deepEqual(events.map((e) => e.seq), [1, 2, 3, 4], `cut after ${cut} bytes`)
    assert.equal(requests.length, 2)
  }
})

test('a clean close is followed by a request with Last-Event-ID, a repeated event is dropped', async (t) => {
  const { freshet, requests } = await open(t, frames(progress(5), progress(6)), frames(progress(6), progress(9)), frames(end))
  const events = await read(freshet, { after: 4, logs: true, tail: 10 })
  assert.deepEqual(events.map((e) => e.seq), [5, 6, 9])
  assert.deepEqual(requests.map((r) => r.url), [
    `/v1/tasks/${id}/stream?include=logs&after=4&tail=10`,
    `/v1/tasks/${id}/stream?include=logs`,
    `/v1/tasks/${id}/stream?include=logs`,
  ])
  assert.deepEqual(requests.map((r) => r.headers['last-event-id']), [undefined, '6', '9'])
  assert.ok(requests.every((r) => r.headers.authorization === 'Bearer secret'))
})

test('204 is the end', async (t) => {
  const { freshet, requests } = await open(t, frames(progress(1)), (_, response) => void response.writeHead(204).end())
  assert.equal((await read(freshet)).length, 1)
  assert.equal(requests.length, 2)
})

for (const status of [400, 401, 403, 404, 409, 410, 422]) {
  test(`${status} is final`, async (t) => {
    const { freshet, requests } = await open(t, refuse(status, 'some_code'))
    await assert.rejects(read(freshet), (error) => error instanceof FreshetError && error.status === status && error.code === 'some_code' && error.requestId === 'R')
    assert.equal(requests.length, 1)
  })
}

for (const status of [408, 429, 500, 502, 503]) {
  test(`${status} is tried again`, async (t) => {
    const { freshet, requests } = await open(t, frames(progress(1)), refuse(status, 'later'), frames(progress(2), end))
    const waits: number[] = []
    const events = await read(freshet, { onConnection: ({ retryIn }) => retryIn !== undefined && waits.push(retryIn) })
    assert.deepEqual(events.map((e) => e.seq), [1, 2])
    assert.equal(requests.length, 3)
    assert.equal(waits.length, 2)
  })
}

test('Retry-After is respected', async (t) => {
  const { freshet } = await open(t, refuse(429, 'too_many_streams', { 'retry-after': '1' }), frames(end))
  const waits: number[] = []
  await read(freshet, { onConnection: ({ retryIn }) => retryIn !== undefined && waits.push(retryIn) })
  assert.equal(waits.length, 1)
  assert.ok((waits[0] ?? 0) >= 1000)
})

test('what is no event stream is an error, not an endless wait', async (t) => {
  const { freshet } = await open(t, (_, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<p>Log in</p>'))
  await assert.rejects(read(freshet), { name: 'FreshetError', code: 'bad_stream' })
})

test('a refused token is asked for anew, once', async (t) => {
  const server = await serve(t, refuse(401, 'unauthorized'), frames(progress(1)), frames(end))
  const asked: boolean[] = []
  const freshet = createFreshet({
    url: server.url,
    token: ({ refresh }) => {
      asked.push(refresh)
      return `token ${asked.length}`
    },
  })
  assert.equal((await read(freshet)).length, 1)
  assert.deepEqual(asked, [false, true, false])
  assert.deepEqual(server.requests.map((r) => r.headers.authorization), ['Bearer token 1', 'Bearer token 2', 'Bearer token 3'])
})

test('a token refused twice is an error', async (t) => {
  const server = await serve(t, refuse(401, 'unauthorized'))
  const freshet = createFreshet({ url: server.url, token: () => 'old' })
  await assert.rejects(read(freshet), { code: 'unauthorized' })
  assert.equal(server.requests.length, 2)
})

test('the signal ends a stream that is silent, and its connection', async (t) => {
  let closed: Promise<void> | undefined
  const { freshet } = await open(t, (request, response) => {
    closed = new Promise((resolve) => request.socket.once('close', () => resolve()))
    stream(response).write(progress(1))
  })
  const abort = new AbortController()
  const states: string[] = []
  const reason = new Error('enough')
  await assert.rejects(async () => {
    for await (const event of freshet.subscribe(id, { signal: abort.signal, onConnection: ({ state }) => states.push(state) })) {
      assert.equal(event.seq, 1)
      setImmediate(() => abort.abort(reason))
    }
  }, reason)
  await closed
  assert.deepEqual(states, ['connecting', 'open', 'closed'])
})

test('an aborted signal lets nothing be sent', async (t) => {
  const { freshet } = await open(t, frames(end))
  const reason = new Error('before')
  await assert.rejects(read(freshet, { signal: AbortSignal.abort(reason) }), reason)
})

test('break ends the connection', async (t) => {
  let closed: Promise<void> | undefined
  const { freshet } = await open(t, (request, response) => {
    closed = new Promise((resolve) => request.socket.once('close', () => resolve()))
    stream(response).write(progress(1) + progress(2))
  })
  for await (const event of freshet.subscribe(id)) {
    assert.equal(event.seq, 1)
    break
  }
  await closed
})

test('a task of another kind is an error', async (t) => {
  const { freshet } = await open(t, frames(lifecycle('task.snapshot', task({ kind: 'encode' }))))
  await assert.rejects(all(freshet.subscribe('report', id)), { code: 'wrong_kind' })
})

test('a stream of many tasks is not resumed, and drops nothing by its seq', async (t) => {
  const { freshet, requests } = await open(t, frames(progress(7), progress(3)), frames(progress(3), end))
  const abort = new AbortController()
  const events = await all(freshet.watch({ kind: 'report', tag: 'a b', ids: ['x', 'y'], signal: abort.signal }))
  assert.deepEqual(events.map((e) => e.seq), [7, 3, 3])
  assert.equal(requests[1]?.url, '/v1/stream?kind=report&tag=a+b&ids=x%2Cy')
  assert.equal(requests[1]?.headers['last-event-id'], undefined)
})
