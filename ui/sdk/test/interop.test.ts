import assert from 'node:assert/strict'
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { EventSource } from 'eventsource'
import { createEventSource } from 'eventsource-client'

import { createFreshet } from '../src/index.js'

const repository = fileURLToPath(new URL('../../../..', import.meta.url))

const kinds = `
kinds:
  - name: chatty
    command:
      - sh
      - -c
      - |
        for n in $(seq 100); do
          echo "line $n"
          echo "{\\"event\\":\\"step\\",\\"data\\":$n}" >> $FRESHET_EVENTS
          sleep 0.05
        done
`

const types = ['created', 'started', 'progress', 'custom', 'log', 'completed', 'failed'].map((name) => `task.${name}`)

let folder: string
let server: ChildProcess
let url: string
let key: string

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'freshet-interop-'))
  const program = join(folder, 'freshet')
  const built = spawnSync('go', ['build', '-o', program, '.'], { cwd: repository, encoding: 'utf8' })
  assert.equal(built.status, 0, built.stderr)
  writeFileSync(join(folder, 'freshet.yaml'), kinds)
  server = spawn(program, ['dev', '--addr', '127.0.0.1:0'], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
  let printed = ''
  for (const output of [server.stdout, server.stderr]) output?.on('data', (text) => (printed += text))
  while (!printed.includes('Freshet is ready at')) {
    assert.equal(server.exitCode, null, printed)
    await Promise.race([once(server.stdout!, 'data'), once(server.stderr!, 'data'), once(server, 'exit')])
  }
  url = readFileSync(join(folder, '.freshet/url'), 'utf8').trim()
  key = readFileSync(join(folder, '.freshet/api-key'), 'utf8').trim()
})

after(async () => {
  if (server?.exitCode === null) {
    server.kill('SIGTERM')
    await once(server, 'exit')
  }
  rmSync(folder, { recursive: true, force: true })
})

/** A way to the server that ends each stream after a while: at an end of its own, or in the midst. */
async function cutting(every: number): Promise<{ url: string; cuts: () => number; server: Server }> {
  let cuts = 0
  const proxy = createServer((incoming, outgoing) => {
    const upstream = request(new URL(incoming.url!, url), { headers: incoming.headers }, (answer) => {
      outgoing.writeHead(answer.statusCode!, answer.headers)
      answer.pipe(outgoing)
    })
    const timer = setTimeout(() => {
      cuts++
      upstream.destroy()
      if (cuts % 2) outgoing.end()
      else outgoing.destroy()
    }, every)
    upstream.on('error', () => outgoing.destroy())
    upstream.on('close', () => clearTimeout(timer))
    outgoing.on('close', () => upstream.destroy())
    upstream.end()
  })
  await new Promise<void>((listening) => proxy.listen(0, '127.0.0.1', listening))
  return { url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, cuts: () => cuts, server: proxy }
}

type Read = (stream: string, authorization: string) => Promise<number[]>

function whole(name: string, read: Read): void {
  test(`${name} reads a stream that is cut again and again, without a gap`, { timeout: 60_000 }, async (t) => {
    const client = createFreshet({ url, token: key })
    const task = await client.submit('chatty', {})
    const way = await cutting(700)
    t.after(() => {
      way.server.closeAllConnections()
      way.server.close()
    })
    const ids = await read(`${way.url}/v1/tasks/${task.id}/stream?include=logs`, `Bearer ${key}`)
    const { seq, state } = await client.get(task.id)
    assert.equal(state, 'completed')
    assert.ok(way.cuts() > 1, 'hardly a stream was cut')
    assert.deepEqual(
      ids,
      Array.from({ length: seq }, (_, i) => i + 1),
    )
  })
}

whole('eventsource', async (stream, authorization) => {
  const ids: number[] = []
  const source = new EventSource(stream, {
    fetch: (input, init) => fetch(input, { ...init, headers: { ...init.headers, authorization } }),
  })
  await new Promise<void>((done) => {
    for (const type of types) source.addEventListener(type, (event) => ids.push(Number(event.lastEventId)))
    source.addEventListener('end', () => done())
  })
  source.close()
  return ids
})

whole('eventsource-client', async (stream, authorization) => {
  const ids: number[] = []
  const source = createEventSource({ url: stream, headers: { authorization } })
  for await (const { event, id } of source) {
    if (event === 'end') break
    if (event !== undefined && types.includes(event)) ids.push(Number(id))
  }
  source.close()
  return ids
})
