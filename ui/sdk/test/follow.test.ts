import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Backoff } from '../src/stream/backoff.js'
import { follow, type ConnectionStatus, type Source } from '../src/stream/follow.js'
import { Page } from '../src/stream/page.js'
import { end, frames, progress, serve, stream, type Answer } from './server.js'

type Event = { seq: number }

/** A browser's page, as far as a stream looks at it. */
class FakeDocument extends EventTarget {
  hidden = false

  turn(hidden: boolean): void {
    this.hidden = hidden
    this.dispatchEvent(new Event('visibilitychange'))
  }
}

function source(url: string, more: Partial<Source> = {}): Source {
  return { resumable: true, request: () => new Request(url), send: (request) => fetch(request), ...more }
}

async function all(given: Source): Promise<number[]> {
  const seen: number[] = []
  for await (const { seq } of follow<Event>(given)) seen.push(seq)
  return seen
}

test('each failure doubles the delay, up to half a minute, with jitter; an event begins anew', () => {
  const longest = new Backoff(() => 1)
  longest.base = 500
  assert.deepEqual([1, 2, 3, 4].map(() => longest.next()), [500, 1000, 2000, 4000])
  for (let i = 0; i < 100; i++) longest.next()
  assert.equal(longest.next(), 30_000)
  longest.reset()
  assert.equal(longest.next(), 500)
  assert.equal(longest.next(90_000), 90_000)
  assert.equal(new Backoff(() => 0).next(), 500)
})

test('a silent connection is given up and resumed', async (t) => {
  const { url, requests } = await serve(t, (_, response) => void stream(response).write(`retry: 1\n\n${progress(1)}`), frames(progress(2), end))
  const failures: (string | undefined)[] = []
  const onConnection = ({ state, error }: ConnectionStatus): void => void (state === 'waiting' && failures.push(error?.message))
  assert.deepEqual(await all(source(url, { patience: { connect: 5_000, silence: 50 }, onConnection })), [1, 2])
  assert.deepEqual(failures, ['no sign of life from the server for 50 ms'])
  assert.equal(requests.length, 2)
})

test('a comment is a sign of life', async (t) => {
  let beats = 0
  const beating: Answer = (_, response) => {
    stream(response)
    const timer = setInterval(() => {
      if (++beats < 8) return void response.write(': beat\n\n')
      clearInterval(timer)
      response.end(progress(1) + end)
    }, 50)
  }
  const { url, requests } = await serve(t, beating)
  assert.deepEqual(await all(source(url, { patience: { connect: 5_000, silence: 300 } })), [1])
  assert.equal(requests.length, 1)
})

test('a server that does not answer is asked again', async (t) => {
  const { url } = await serve(t, () => {}, frames(progress(1), end))
  const backoff = new Backoff()
  backoff.base = 1
  assert.deepEqual(await all(source(url, { patience: { connect: 50, silence: 5_000 }, backoff })), [1])
})

test('a server that is not there is asked again', async (t) => {
  const { url } = await serve(t, frames(progress(1), end))
  const backoff = new Backoff()
  backoff.base = 1
  let tries = 0
  const send = (request: Request): Promise<Response> => (++tries < 3 ? Promise.reject(new TypeError('fetch failed')) : fetch(request))
  assert.deepEqual(await all(source(url, { send, backoff })), [1])
  assert.equal(tries, 3)
})

test('a reader that takes its time is no silence', async (t) => {
  const { url, requests } = await serve(t, frames(progress(1), progress(2), end))
  const seen: number[] = []
  for await (const { seq } of follow<Event>(source(url, { patience: { connect: 5_000, silence: 40 } }))) {
    await new Promise((resolve) => setTimeout(resolve, 80))
    seen.push(seq)
  }
  assert.deepEqual(seen, [1, 2])
  assert.equal(requests.length, 1)
})

test('an event that is not JSON is an error', async (t) => {
  const { url } = await serve(t, frames('id: 1\ndata: {"seq"\n\n'))
  await assert.rejects(all(source(url)), { code: 'bad_stream' })
})

test('a hidden page holds no connection, and goes on where it was', async (t) => {
  const document = new FakeDocument()
  Object.assign(globalThis, { document })
  t.after(() => Reflect.deleteProperty(globalThis, 'document'))
  let closed: Promise<void> | undefined
  const first: Answer = (request, response) => {
    closed = new Promise((resolve) => request.socket.once('close', () => resolve()))
    stream(response).write(progress(1))
  }
  const { url, requests } = await serve(t, first, frames(progress(2), end))
  const states: string[] = []
  const onConnection = ({ state }: ConnectionStatus): void => {
    states.push(state)
    if (state === 'paused') void closed?.then(() => document.turn(false))
  }
  const request = (cursor: string | undefined): Request => new Request(url, { headers: { 'last-event-id': cursor ?? '' } })
  const seen: number[] = []
  for await (const { seq } of follow<Event>(source(url, { onConnection, request, hiddenGrace: 20, page: new Page() }))) {
    seen.push(seq)
    if (seq === 1) document.turn(true)
  }
  assert.deepEqual(seen, [1, 2])
  assert.deepEqual(states, ['connecting', 'open', 'paused', 'connecting', 'open', 'closed'])
  assert.equal(requests[1]?.headers['last-event-id'], '1')
})

test('a page hidden for a moment keeps its connection', async (t) => {
  const document = new FakeDocument()
  Object.assign(globalThis, { document })
  t.after(() => Reflect.deleteProperty(globalThis, 'document'))
  const { url, requests } = await serve(t, (_, response) => {
    stream(response).write(progress(1))
    setTimeout(() => response.end(progress(2) + end), 150)
  })
  const seen: number[] = []
  for await (const { seq } of follow<Event>(source(url, { hiddenGrace: 100, page: new Page() }))) {
    seen.push(seq)
    if (seq === 1) {
      document.turn(true)
      document.turn(false)
    }
  }
  assert.deepEqual(seen, [1, 2])
  assert.equal(requests.length, 1)
})

test('a network that is back is tried at once', async (t) => {
  const window = new EventTarget()
  Object.assign(globalThis, { window })
  t.after(() => Reflect.deleteProperty(globalThis, 'window'))
  const { url } = await serve(t, frames(progress(1), end))
  const backoff = new Backoff()
  backoff.base = 600_000
  let tries = 0
  const send = (request: Request): Promise<Response> => (++tries < 2 ? Promise.reject(new TypeError('offline')) : fetch(request))
  const onConnection = ({ state }: ConnectionStatus): void => {
    if (state === 'waiting') setImmediate(() => window.dispatchEvent(new Event('online')))
  }
  assert.deepEqual(await all(source(url, { send, backoff, onConnection, page: new Page() })), [1])
})
