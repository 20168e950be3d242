// The real worker's side and the real SDK: `freshet run` asks a server whose route is made of a task.
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { after, before, test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { createFreshetHandler } from '@freshet/sdk/next'
import { task, TaskError } from '@freshet/sdk/task'

import { serve } from './server.js'
import { secret } from './signed.js'

const repository = fileURLToPath(new URL('../../../../', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'freshet-http-'))
const freshet = join(folder, 'freshet')
const other = 'whsec_' + Buffer.from('another secret of 28 bytes..').toString('base64')

before(() => promisify(execFile)('go', ['build', '-buildvcs=false', '-o', freshet, '.'], { cwd: repository }), { timeout: 600_000 })
after(() => rmSync(folder, { recursive: true }))

const options = { timeout: 60_000 }

const thumbnail = task('thumbnail', async ({ input, taskId, attempt, owner, progress, event, signal }) => {
  const { act, file } = input as { act: string; file: string }
  switch (act) {
    case 'work':
      progress(50, 'half')
      event('size', { width: 3 })
      return { file, attempt, owner, id: taskId.length }
    case 'refuse':
      throw new TaskError('no such file', { code: 'missing', retry: false })
    case 'break':
      throw new TaskError('too much to say', { detail: 'x'.repeat(2 << 20) })
    case 'wait':
      event('ready')
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      left(signal.reason)
      return undefined
    default:
      return undefined
  }
})

let left: (reason: unknown) => void = () => {}

/** A server whose only route does the work of thumbnail. */
async function app(t: TestContext) {
  const { POST } = createFreshetHandler({ tasks: [thumbnail], secret })
  return serve(t, async (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const url = `http://${incoming.headers.host}${incoming.url}`
    const init = { method: 'POST', headers: incoming.headers as Record<string, string>, body: Readable.toWeb(incoming), duplex: 'half' }
    const response = await POST(new Request(url, init as RequestInit))
    outgoing.writeHead(response.status, Object.fromEntries(response.headers))
    const body = response.body as Parameters<typeof Readable.fromWeb>[0] | null
    if (body) await pipeline(Readable.fromWeb(body), outgoing).catch(() => outgoing.destroy())
    else outgoing.end()
  })
}

/** Runs an attempt as a worker does. */
function run(t: TestContext, address: string, act: string, signWith = secret) {
  const config = join(mkdtempSync(join(folder, 'project-')), 'freshet.yaml')
  writeFileSync(config, 'kinds: [{name: thumbnail, http: {url: "${APP_URL}/api/freshet/tasks/thumbnail"}}]')
  const { PATH, HOME } = process.env
  const env = { PATH, HOME, TMPDIR: folder, APP_URL: address, FRESHET_WEBHOOK_SECRET: signWith }
  const child = spawn(freshet, ['run', 'thumbnail', '--config', config, '--input', JSON.stringify({ act, file: 'größe.png' })], { env })
  t.after(() => child.kill('SIGKILL'))
  let stdout = ''
  let stderr = ''
  let ready: () => void = () => {}
  const told = new Promise<void>((resolve) => (ready = resolve))
  child.stdout.on('data', (chunk) => (stdout += chunk))
  child.stderr.on('data', (chunk) => {
    stderr += chunk
    if (stderr.includes('"ready"')) ready()
  })
  const ended = new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) =>
    child.on('close', (code) => resolve({ code, stdout, stderr })),
  )
  return { child, told, ended }
}

test('a route of the SDK does the work of an http kind', options, async (t) => {
  const { url, requests } = await app(t)
  const { code, stdout, stderr } = await run(t, url, 'work').ended
  assert.equal(code, 0, stderr)
  assert.deepEqual(JSON.parse(stdout), { file: 'größe.png', attempt: 1, owner: 'local', id: 36 })
  assert.match(stderr, /task\.progress \{"progress":50,"message":"half"\}\ntask\.custom \{"name":"size","data":\{"width":3\}\}\n/)
  assert.match(String(requests[0]?.headers['webhook-id']), /^[0-9a-f-]{36}-1$/)
  assert.match(String(requests[0]?.headers['user-agent']), /^freshet\//)
})

test('without an output it is completed too', options, async (t) => {
  const { url } = await app(t)
  const { code, stdout, stderr } = await run(t, url, 'nothing').ended
  assert.deepEqual({ code, stdout }, { code: 0, stdout: '' }, stderr)
})

test('a secret can be replaced: the worker signs with both', options, async (t) => {
  const { url } = await app(t)
  const { code, stderr } = await run(t, url, 'work', `${other} ${secret}`).ended
  assert.equal(code, 0, stderr)
})

const failures: [what: string, act: string, signWith: string, stderr: RegExp][] = [
  ['what the task throws', 'refuse', secret, /exit: no such file/],
  ['an end that cannot be told', 'break', secret, /unfinished: /],
  ['another secret', 'work', other, /signed with another secret, or changed\n[^]*http_status: the route answered 401 Unauthorized/],
]

for (const [what, act, signWith, expected] of failures) {
  test(`failure: ${what}`, options, async (t) => {
    t.mock.method(console, 'error', () => {})
    const { url } = await app(t)
    const { code, stderr } = await run(t, url, act, signWith).ended
    assert.equal(code, 1)
    assert.match(stderr, expected)
  })
}

test('without a secret nothing is asked', options, async (t) => {
  const { url, requests } = await app(t)
  const { code, stderr } = await run(t, url, 'work', '').ended
  assert.equal(code, 78)
  assert.match(stderr, /FRESHET_WEBHOOK_SECRET is not set; the requests of kind thumbnail/)
  assert.equal(requests.length, 0)
})

test('a worker that leaves aborts the signal of the task', options, async (t) => {
  const { url } = await app(t)
  const gone = new Promise((resolve) => (left = resolve))
  const { child, told, ended } = run(t, url, 'wait')
  await told
  child.kill('SIGTERM')
  assert.match(String(await gone), /the worker has gone away/)
  const { code, stderr } = await ended
  assert.equal(code, 1)
  assert.match(stderr, /interrupted/)
})
