import { createParser, type EventSourceMessage } from 'eventsource-parser'

import { FreshetError, refusal } from '../error.js'

/** Deadlines of a connection, in milliseconds. */
export interface Patience {
  /** From the request to the response. */
  connect: number
  /** Without a byte; the server sends at least a comment every 15 s. */
  silence: number
}

export const patience: Patience = { connect: 30_000, silence: 45_000 }

/** One response of a stream, read frame by frame. */
export class Connection {
  /** What the server asked for with `retry:`, in milliseconds. */
  retry: number | undefined

  readonly #abort = new AbortController()
  readonly #patience: Patience

  constructor(limits: Patience) {
    this.#patience = limits
  }

  /** Ends the connection: what waits on it throws the reason. */
  close(reason: unknown): void {
    this.#abort.abort(reason)
  }

  /** Sends the request. False when there is nothing to stream; a refusal is thrown. */
  async open(request: Request, send: (request: Request) => Promise<Response>): Promise<Response | undefined> {
    const asked = new Request(request, { signal: this.#abort.signal })
    const response = await this.#within(this.#patience.connect, 'no answer', send(asked))
    if (response.status === 204) return undefined
    if (!response.ok) throw await refusal(response)
    if (!response.headers.get('content-type')?.startsWith('text/event-stream')) {
      await response.body?.cancel()
      throw new FreshetError({ status: 0, code: 'bad_stream', message: `${request.url} is not an event stream` })
    }
    return response
  }

  /** The frames of the response, to its end. A frame that was cut off is dropped: it comes again. */
  async *frames(response: Response): AsyncGenerator<EventSourceMessage> {
    const arrived: EventSourceMessage[] = []
    const parser = createParser({
      onEvent: (frame) => arrived.push(frame),
      onRetry: (delay) => (this.retry = delay),
    })
    const reader = response.body?.getReader()
    const decoder = new TextDecoder()
    try {
      while (reader) {
        // The clock runs only while there is a wait for the server, not while the reader is at work.
        const { value, done } = await this.#within(this.#patience.silence, 'no sign of life', reader.read())
        if (done) return
        parser.feed(decoder.decode(value, { stream: true }))
        yield* arrived.splice(0)
      }
    } finally {
      reader?.cancel().catch(() => {})
    }
  }

  async #within<T>(deadline: number, complaint: string, work: Promise<T>): Promise<T> {
    const timer = setTimeout(() => this.close(new Error(`${complaint} from the server for ${deadline} ms`)), deadline)
    const { signal } = this.#abort
    let lapse: (() => void) | undefined
    // A token function or a fetch of the user's own may not look at the signal.
    const lapsed = new Promise<never>((_, reject) => {
      lapse = () => reject(signal.reason)
      if (signal.aborted) lapse()
      signal.addEventListener('abort', lapse)
    })
    try {
      return await Promise.race([work, lapsed])
    } finally {
      clearTimeout(timer)
      if (lapse) signal.removeEventListener('abort', lapse)
    }
  }
}
