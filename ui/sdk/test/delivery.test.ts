import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import type { IncomingHttpHeaders } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'

import * as standard from 'standardwebhooks'
import * as svix from 'svix'

import { verify } from '../src/webhooks/index.js'
import { serve } from './server.js'

const repository = fileURLToPath(new URL('../../../..', import.meta.url))

const [past, present, other] = [1, 2, 3].map((n) => 'whsec_' + Buffer.alloc(32, n).toString('base64')) as [string, string, string]

const content = JSON.stringify({ type: 'task.completed', data: { text: 'grün 🌿 \u2028 \\ "' } })

let folder: string

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'freshet-delivery-'))
  const built = spawnSync('go', ['build', '-o', join(folder, 'deliver'), './ui/sdk/test/programs'], { cwd: repository, encoding: 'utf8' })
  assert.equal(built.status, 0, built.stderr)
})

after(() => rmSync(folder, { recursive: true, force: true }))

/** Sends a message as Freshet does, and says what that thinks of the answer. */
async function deliver(t: TestContext, message: { url: string; id: string; body: string; secrets: string }): Promise<unknown> {
  const sender = spawn(join(folder, 'deliver'), { stdio: ['pipe', 'pipe', 'inherit'] })
  t.after(() => sender.kill())
  sender.stdin.end(JSON.stringify(message))
  for await (const line of createInterface(sender.stdout)) return JSON.parse(line)
  assert.fail('it said nothing')
}

type Verifier = (secret: string, headers: IncomingHttpHeaders, body: string) => unknown

const verifiers: Record<string, Verifier> = {
  standardwebhooks: (secret, headers, body) => new standard.Webhook(secret).verify(body, headers as Record<string, string>),
  svix: (secret, headers, body) => new svix.Webhook(secret).verify(body, headers as Record<string, string>),
  '@freshet/sdk': (secret, headers, body) => verify(secret, new Headers(headers as Record<string, string>), body),
}

/** A message that Freshet sent and a receiver knows one secret for. */
interface Case {
  sender: string
  receiver: string
  change?: (headers: IncomingHttpHeaders, body: string) => string
  good: boolean
}

const cases: Record<string, Case> = {
  'signed with the secret': { sender: past, receiver: past, good: true },
  'signed with both secrets, to a receiver that is behind': { sender: `${present} ${past}`, receiver: past, good: true },
  'signed with both secrets, to a receiver that is ahead': { sender: `${present} ${past}`, receiver: present, good: true },
  'signed with both secrets, to a receiver that has neither': { sender: `${present} ${past}`, receiver: other, good: false },
  'signed with the new secret, to a receiver that was left behind': { sender: present, receiver: past, good: false },
  'whose body was changed': { sender: past, receiver: past, change: (_, body) => body.replace('completed', 'cancelled'), good: false },
  'whose body is longer': { sender: past, receiver: past, change: (_, body) => body + ' ', good: false },
  'whose id was changed': { sender: past, receiver: past, change: (headers, body) => ((headers['webhook-id'] = 'msg_2'), body), good: false },
  'whose time was changed': {
    sender: past,
    receiver: past,
    change: (headers, body) => ((headers['webhook-timestamp'] = String(Number(headers['webhook-timestamp']) + 1)), body),
    good: false,
  },
}

for (const [name, verifier] of Object.entries(verifiers)) {
  for (const [situation, { sender, receiver, change, good }] of Object.entries(cases)) {
    test(`${name} ${good ? 'takes' : 'refuses'} a message ${situation}`, async (t) => {
      const { url } = await serve(t, async (request, response) => {
        const chunks: Buffer[] = []
        for await (const chunk of request) chunks.push(chunk as Buffer)
        const arrived = Buffer.concat(chunks).toString()
        const accepted = await Promise.resolve()
          .then(() => verifier(receiver, request.headers, change ? change(request.headers, arrived) : arrived))
          .then(() => arrived === content, () => false)
        response.writeHead(accepted ? 204 : 400).end()
      })
      const answer = await deliver(t, { url, id: 'msg_1', body: content, secrets: sender })
      assert.deepEqual(answer, { status: good ? 204 : 400, err: '' })
    })
  }
}
