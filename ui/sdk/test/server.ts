import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'

export type Answer = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>

export const id = '01932f5e-0000-7000-8000-000000000001'

/** A stand-in for the server: gives each request the next answer, the last one again and again. */
export async function serve(t: TestContext, ...answers: Answer[]): Promise<{ url: string; requests: IncomingMessage[] }> {
  const requests: IncomingMessage[] = []
  const server = createServer((request, response) => {
    requests.push(request)
    const answer = answers[Math.min(requests.length, answers.length) - 1]
    void answer?.(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests }
}

/** Starts a stream. */
export function stream(response: ServerResponse): ServerResponse {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' })
  return response
}

/** A stream of these frames that is closed after them. */
export function frames(...texts: string[]): Answer {
  return (_, response) => void stream(response).end(`retry: 1\n\n${texts.join('')}`)
}

/** Answers JSON. */
export function json(body: unknown, status = 200, headers: Record<string, string> = {}): Answer {
  return (_, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    response.end(JSON.stringify(body))
  }
}

/** Refuses with a problem. */
export function refuse(status: number, code: string, headers: Record<string, string> = {}): Answer {
  return json({ type: `/docs/errors#${code}`, title: code, status, code, detail: `it is ${code}`, requestId: 'R' }, status, headers)
}

export function progress(seq: number, message = `step ${seq}`): string {
  const event = { type: 'task.progress', taskId: id, seq, attempt: 1, at: '2026-01-01T00:00:00Z', data: { progress: seq, message } }
  return `id: ${seq}\nevent: task.progress\ndata: ${JSON.stringify(event)}\n\n`
}

export function lifecycle(type: string, task: Record<string, unknown>): string {
  const event = { type, taskId: id, seq: task['seq'], attempt: 1, at: '2026-01-01T00:00:00Z', data: { task } }
  return (type === 'task.snapshot' ? '' : `id: ${task['seq']}\n`) + `event: ${type}\ndata: ${JSON.stringify(event)}\n\n`
}

export function log(seq: number, text: string, more: object = {}): string {
  const event = { type: 'task.log', taskId: id, seq, attempt: 1, at: '2026-01-01T00:00:00Z', data: { stream: 'stdout', text, partial: false, ...more } }
  return `id: ${seq}\nevent: task.log\ndata: ${JSON.stringify(event)}\n\n`
}

export const end = 'event: end\ndata: {"state":"completed"}\n\n'

/** A task as the API shows it. */
export function task(more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    id, kind: 'report', state: 'running', run: 1, progress: 0, attempt: 1, tries: 1, maxAttempts: 3, priority: 'normal', tags: [],
    owner: 'o', createdAt: '2026-01-01T00:00:00Z', seq: 2, links: {}, input: { month: 1 }, ...more,
  }
}

/** Reads the body of a request. */
export async function body(request: IncomingMessage): Promise<unknown> {
  let text = ''
  for await (const chunk of request) text += chunk
  return JSON.parse(text)
}
