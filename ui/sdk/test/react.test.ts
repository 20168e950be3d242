import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'

import { Window } from 'happy-dom'

// React looks at the page when it is loaded.
const window = new Window()
Object.defineProperty(globalThis, 'navigator', { value: window.navigator, configurable: true })
Object.assign(globalThis, { window, document: window.document, IS_REACT_ACT_ENVIRONMENT: true })
const { act, createElement: h, StrictMode } = await import('react')
const { createRoot } = await import('react-dom/client')
const { renderToString } = await import('react-dom/server')
const { FreshetProvider, useSubmit, useTask, useTaskLogs, useTasks } = await import('../src/react/index.js')
const { createFreshet } = await import('../src/index.js')
const { body, end, id, json, lifecycle, log, progress, refuse, serve, stream, task } = await import('./server.js')

type Answer = import('./server.js').Answer
type Root = import('react-dom/client').Root
type Task = import('../src/index.js').Task

/** Answers by path: what is asked for a second time gets the next answer, the last one again and again. */
function routes(table: Record<string, Answer[]>): Answer {
  return (request, response) => {
    const path = new URL(request.url ?? '', 'http://x').pathname
    const answers = table[`${request.method} ${path}`] ?? [refuse(404, 'not_found')]
    void (answers.length > 1 ? answers.shift() : answers[0])?.(request, response)
  }
}

/** Shows components below a provider, and waits for what they show. */
async function page(t: TestContext, url: string, ...components: (() => string)[]) {
  const container = document.createElement('div')
  const root: Root = createRoot(container as unknown as Element)
  const client = createFreshet({ url, token: 'secret' })
  const show = (...shown: (() => string)[]): Promise<void> =>
    act(async () => root.render(h(StrictMode, null, h(FreshetProvider, { client }, shown.map((c, key) => h(c, { key }))))))
  await show(...components)
  t.after(() => act(async () => root.unmount()))
  const until = async (text: string): Promise<void> => {
    for (let i = 0; container.textContent !== text; i++) {
      assert.ok(i < 500, `shows ${container.textContent}, not ${text}`)
      await act(() => new Promise((resolve) => setTimeout(resolve, 10)))
    }
  }
  return { show, until }
}

const streamPath = `GET /v1/tasks/${id}/stream`
const taskPath = `GET /v1/tasks/${id}`

test('a task is watched to its output over one connection, in strict mode, by two components', async (t) => {
  const { url, requests } = await serve(t, routes({
    [taskPath]: [json(task()), json(task({ state: 'completed', progress: 100, seq: 9, output: { pages: 3 } }))],
    [streamPath]: [(_, response) => void stream(response).end(
      lifecycle('task.snapshot', task({ progress: 10, seq: 4 })) + progress(2) + progress(50) + lifecycle('task.completed', task({ state: 'completed', seq: 51 })) + end,
    )],
  }))
  const ended: unknown[] = []
  const Bar = (): string => {
    const { task } = useTask('report', id, { onEnd: (task) => ended.push(task.state === 'completed' && task.output) })
    return `${task?.state} ${task?.progress} ${JSON.stringify(task?.output)};`
  }
  const Pill = (): string => useTask(id).connection
  const { until } = await page(t, url, Bar, Pill)
  await until('completed 100 {"pages":3};closed')
  assert.deepEqual(ended, [{ pages: 3 }])
  assert.deepEqual(requests.map((r) => r.url), [`/v1/tasks/${id}`, `/v1/tasks/${id}/stream?after=2`, `/v1/tasks/${id}`])
})

test('old events do not turn progress back', async (t) => {
  const { url } = await serve(t, routes({
    [taskPath]: [json(task({ progress: 40, seq: 40 }))],
    [streamPath]: [(_, response) => void stream(response).write(progress(39) + progress(41))],
  }))
  const seen: unknown[] = []
  const Bar = (): string => {
    const { task } = useTask(id)
    seen.push(task?.progress)
    return `${task?.progress}`
  }
  const { until } = await page(t, url, Bar)
  await until('41')
  assert.ok(!seen.includes(39))
})

test('a known task is shown at once, also by the server, and an ended one asks nothing', async (t) => {
  const { url, requests } = await serve(t, refuse(500, 'internal'))
  const initialTask = task({ state: 'completed', output: 1 }) as unknown as Task
  const ended: unknown[] = []
  const Bar = (): string => `${useTask(id, { initialTask, onEnd: (task) => ended.push(task) }).task?.state}`
  assert.equal(renderToString(h(FreshetProvider, { url }, h(Bar))), 'completed')
  const { until } = await page(t, url, Bar)
  await until('completed')
  assert.equal(requests.length, 0)
  assert.deepEqual(ended, [])
})

test('without an id nothing is asked', async (t) => {
  const { url, requests } = await serve(t, refuse(500, 'internal'))
  const { until } = await page(t, url, () => useTask(undefined).connection, () => useTask('report', null).connection)
  await until('idleidle')
  assert.equal(requests.length, 0)
})

test('a task that may not be read is an error, a task of another kind too', async (t) => {
  const other = id.replace(/1$/, '2')
  const { url } = await serve(t, routes({
    [taskPath]: [refuse(403, 'forbidden')],
    [`GET /v1/tasks/${other}`]: [json(task({ id: other, state: 'completed' }))],
  }))
  const code = (error: Error | undefined): string => `${(error as { code?: string } | undefined)?.code} `
  const { until } = await page(t, url, () => code(useTask(id).error), () => code(useTask('encode', other).error))
  await until('forbidden wrong_kind ')
})

test('the connection ends when the last component goes', async (t) => {
  let closed: Promise<void> | undefined
  const { url } = await serve(t, routes({
    [taskPath]: [json(task())],
    [streamPath]: [(request, response) => {
      closed = new Promise((resolve) => request.socket.once('close', () => resolve()))
      stream(response).write(progress(3))
    }],
  }))
  const { show, until } = await page(t, url, () => useTask(id).connection)
  await until('open')
  await show()
  await closed
})

test('the token of one task is used for it', async (t) => {
  const { url, requests } = await serve(t, routes({ [taskPath]: [json(task({ state: 'failed' }))] }))
  const { until } = await page(t, url, () => `${useTask(id, { token: 'mine' }).task?.state}`)
  await until('failed')
  assert.equal(requests[0]?.headers.authorization, 'Bearer mine')
})

test('logs and task share one connection; lines that come in pieces are put together', async (t) => {
  const { url, requests } = await serve(t, routes({
    [taskPath]: [json(task())],
    [streamPath]: [(_, response) => void stream(response).write(
      log(3, 'a\nb', { partial: true }) + log(4, 'oops\n', { stream: 'stderr' }) + log(5, 'c\n') + log(6, '\n') + progress(7),
    )],
  }))
  const Lines = (): string => useTaskLogs(id, { tail: 20 }).lines.map((line) => `[${line.text}]`).join('')
  const Bar = (): string => `${useTask(id).task?.progress}`
  const { until } = await page(t, url, Lines, Bar)
  await until('[a][bc][oops][]7')
  assert.deepEqual(requests.map((r) => r.url), [`/v1/tasks/${id}`, `/v1/tasks/${id}/stream?include=logs&tail=20`])
})

test('a list follows what happens, and keeps to its filter', async (t) => {
  const ids = ['1', '2', '3'].map((n) => id.replace(/1$/, n))
  let live: import('node:http').ServerResponse | undefined
  const { url, requests } = await serve(t, routes({
    'GET /v1/tasks': [json({ items: [task({ id: ids[1] }), task({ id: ids[0] })] })],
    'GET /v1/stream': [(_, response) => void (live = stream(response)).flushHeaders()],
  }))
  const List = (): string => {
    const { tasks, connection } = useTasks({ state: 'running' })
    return `${connection} ${tasks?.map((task) => `${task.id.at(-1)}:${task.progress}`).join(' ')}`
  }
  const { until } = await page(t, url, List)
  await until('open 2:0 1:0')
  const tell = (task: Record<string, unknown>): void => {
    const event = { type: 'task.started', taskId: task['id'], seq: task['seq'], at: '', data: { task } }
    live?.write(`event: task.started\ndata: ${JSON.stringify(event)}\n\n`)
  }
  tell(task({ id: ids[2], progress: 5 }))
  await until('open 3:5 2:0 1:0')
  tell(task({ id: ids[1], state: 'completed', seq: 8 }))
  await until('open 3:5 1:0')
  live?.write(`data: ${JSON.stringify({ type: 'task.progress', taskId: ids[0], seq: 9, at: '', data: { progress: 70 } })}\n\n`)
  await until('open 3:5 1:70')
  assert.equal(requests.filter((r) => r.url?.startsWith('/v1/stream')).length, 1)
})

test('a submit by kind and by an action', async (t) => {
  const bodies: unknown[] = []
  const { url } = await serve(t, async (request, response) => {
    bodies.push(await body(request))
    await json(task({ state: 'pending' }), 202)(request, response)
  })
  let run: (() => Promise<unknown>) | undefined
  let fail: (() => Promise<unknown>) | undefined
  const ByKind = (): string => {
    const { submit, isPending, result } = useSubmit('report')
    run = () => submit({ month: 2 })
    return `${isPending} ${result?.state};`
  }
  const ByAction = (): string => {
    const { submit, error } = useSubmit(async (name: string) => Promise.reject(new Error(`no ${name}`)))
    fail = () => submit('luck')
    return `${error?.message}`
  }
  const { until } = await page(t, url, ByKind, ByAction)
  await until('false undefined;undefined')
  await act(async () => void (await run?.()))
  await act(() => assert.rejects(fail?.() ?? Promise.resolve(), { message: 'no luck' }))
  await until('false pending;no luck')
  assert.deepEqual(bodies, [{ kind: 'report', input: { month: 2 } }])
})

