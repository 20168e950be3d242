import type { KindName } from '../register.js'
import { secretOr } from '../webhooks/secret.js'
import { SignatureError, verify } from '../webhooks/signature.js'
import { type Assignment, type Host, perform } from './attempt.js'
import type { TaskDefinition } from './definition.js'
import { TaskError } from './error.js'
import { encode, type Line } from './line.js'

/** Options of a route that does a kind's work. */
export interface ServeOptions {
  /** What the worker signs with; `FRESHET_WEBHOOK_SECRET` when absent. Two while it is being replaced. */
  secret?: string | readonly string[]
}

/** Milliseconds between signs of life: proxies cut what is silent for half a minute. */
const beat = 15_000

/**
 * A route that does the work of an `http` kind: `export const POST = serve(thumbnail)`. The answer is a
 * stream of the lines that a command would append to its event file, the last of them the output or the
 * error. When the worker goes away, the context's signal is aborted.
 */
export function serve<K extends KindName>(
  definition: TaskDefinition<K>,
  { secret }: ServeOptions = {},
): (request: Request) => Promise<Response> {
  return async (request) => {
    const body = await request.text()
    try {
      await verify(secretOr(secret), request.headers, body)
    } catch (error) {
      if (error instanceof SignatureError) return new Response(error.message, { status: 401 })
      throw error
    }
    const work = JSON.parse(body) as Assignment
    if (work.kind !== definition.kind) {
      return new Response(`this route has the code of ${definition.kind}, not of ${work.kind}`, { status: 422 })
    }
    const route = new Route(request.signal)
    void perform(definition, work, route).then(
      () => route.close(),
      (reason) => route.break(reason),
    )
    return new Response(route.body, { headers: { 'content-type': 'application/x-ndjson', 'cache-control': 'no-cache, no-transform' } })
  }
}

/** A request of a worker's. */
class Route implements Host {
  readonly body: ReadableStream<Uint8Array>

  readonly #abort = new AbortController()
  readonly #encoder = new TextEncoder()
  readonly #timer = setInterval(() => this.say({ alive: true }), beat)
  #lines: ReadableStreamDefaultController<Uint8Array> | undefined

  constructor(request: AbortSignal) {
    this.body = new ReadableStream<Uint8Array>({
      start: (lines) => void (this.#lines = lines),
      cancel: () => this.#leave(),
    })
    request.addEventListener('abort', () => this.#leave(), { once: true })
    this.say({ alive: true })
    if (request.aborted) this.#leave()
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  say(line: Line): void {
    const text = encode(line)
    this.#lines?.enqueue(this.#encoder.encode(text))
  }

  async keep(name: string): Promise<void> {
    throw new TaskError(`${name} cannot be kept: a route has no artifacts, a command has`, { retry: false })
  }

  close(): void {
    clearInterval(this.#timer)
    this.#lines?.close()
    this.#lines = undefined
  }

  /** Ends the answer without an end, so that the worker does not take it for a success. */
  break(reason: unknown): void {
    console.error(reason)
    clearInterval(this.#timer)
    this.#lines?.error(reason)
    this.#lines = undefined
  }

  #leave(): void {
    clearInterval(this.#timer)
    this.#lines = undefined
    this.#abort.abort(new TaskError('the worker has gone away'))
  }
}
