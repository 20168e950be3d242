import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, watch, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('programs/report.js', import.meta.url))

/** Starts the program as a worker does. */
function start(t: TestContext, act: string, more: Record<string, string> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'freshet-sdk-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const artifacts = join(folder, 'artifacts')
  const events = join(folder, 'events')
  mkdirSync(artifacts)
  writeFileSync(events, '')
  writeFileSync(join(folder, 'input'), JSON.stringify({ act }))
  const env = {
    FRESHET_TASK_ID: 't-1', FRESHET_KIND: 'report', FRESHET_ATTEMPT: '2', FRESHET_OWNER: 'ada',
    FRESHET_INPUT: join(folder, 'input'), FRESHET_EVENTS: events, FRESHET_ARTIFACTS: artifacts, ...more,
  }
  const child = spawn(process.execPath, [program], { env, stdio: ['ignore', 'inherit', 'pipe'] })
  t.after(() => child.kill('SIGKILL'))
  let stderr = ''
  child.stderr.on('data', (chunk) => (stderr += chunk))
  const lines = (): Record<string, unknown>[] => readFileSync(events, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line))
  const ended = new Promise<{ code: number | null; signal: string | null; lines: Record<string, unknown>[]; stderr: string }>((resolve) =>
    child.on('close', (code, signal) => resolve({ code, signal, lines: lines(), stderr })),
  )
  const ready = new Promise<void>((resolve) => {
    const watcher = watch(events, () => void (lines().length && resolve()))
    t.after(() => watcher.close())
  })
  return { child, artifacts, ended, ready }
}

const options = { timeout: 20_000 }

test('a task says all it has to say, and its process ends', options, async (t) => {
  const { ended, artifacts } = start(t, 'work')
  const { code, lines } = await ended
  assert.equal(code, 0)
  assert.deepEqual(lines, [
    { progress: 0 },
    { progress: 100, message: 'half' },
    { event: 'chapter', data: { n: 1 } },
    { alive: true },
    { output: { taskId: 't-1', attempt: 2, owner: 'ada' } },
  ])
  assert.equal(readFileSync(join(artifacts, 'pages/1.txt'), 'utf8'), 'one')
})

test('a task without an output is completed', options, async (t) => {
  const { code, lines } = await start(t, 'nothing').ended
  assert.deepEqual({ code, lines }, { code: 0, lines: [] })
})

const failures: [act: string, error: object, stderr: RegExp][] = [
  ['refuse', { message: 'no lines', code: 'empty', detail: '{"invoice":17}', retry: false, retryAfter: '30s' }, /TaskError: no lines/],
  ['throw', { message: 'broken' }, /Error: broken\n\s+at /],
  ['escape', { message: 'the name of an artifact must be a path below its folder, not "../out.txt"', retry: false }, /must be a path below/],
  ['large', { message: 'event has 70027 bytes, more than the 65536 that it may have', retry: false }, /70027 bytes/],
  ['hang', { message: 'the function of the task waits for something that can no longer come', retry: false }, /no longer come/],
]

for (const [act, error, stderr] of failures) {
  test(`failure: ${act}`, options, async (t) => {
    const { ended, artifacts } = start(t, act)
    const end = await ended
    assert.equal(end.code, 1)
    assert.deepEqual(end.lines, [{ error }])
    assert.match(end.stderr, stderr)
    assert.ok(!existsSync(join(artifacts, '../out.txt')))
  })
}

test('a program without the code of its kind fails, and says so', options, async (t) => {
  const { code, lines } = await start(t, 'work', { FRESHET_KIND: 'encode' }).ended
  assert.equal(code, 1)
  assert.deepEqual(lines, [{ error: { message: 'this program has the code of report, and was started for encode', retry: false } }])
})

test('outside of a worker nothing is run', options, async (t) => {
  const { code, lines } = await start(t, 'work', { FRESHET_EVENTS: '' }).ended
  assert.deepEqual({ code, lines }, { code: 0, lines: [] })
})

test('SIGTERM ends a task that does not look at the signal', options, async (t) => {
  const { child, ready, ended } = start(t, 'deaf')
  await ready
  child.kill('SIGTERM')
  assert.equal((await ended).signal, 'SIGTERM')
})

test('SIGTERM lets a task that looks at the signal clean up', options, async (t) => {
  const { child, ready, ended } = start(t, 'listen')
  await ready
  child.kill('SIGTERM')
  const { code, lines } = await ended
  assert.equal(code, 1)
  assert.deepEqual(lines, [{ event: 'ready' }, { event: 'cleaned up' }, { error: { message: 'the attempt was told to end' } }])
})
