import { FreshetError } from '../error.js'
import { Backoff } from './backoff.js'
import { Connection, patience, type Patience } from './connection.js'
import { Page } from './page.js'
import { shown, sleep } from './pause.js'
import { wanted } from './persist.js'

/** How a stream is connected at the moment. */
export interface ConnectionStatus {
  /** `paused` is a hidden page, `waiting` the time before the next try. */
  state: 'connecting' | 'open' | 'waiting' | 'paused' | 'closed'
  /** Of `waiting`: milliseconds until the next try. */
  retryIn?: number
  /** Of `waiting`: why the connection ended, unless the server just closed it. */
  error?: Error
}

/** Options of everything that is streamed. */
export interface StreamOptions {
  /** Ends the stream; the iteration throws the signal's reason. */
  signal?: AbortSignal
  /** Told of every change of the connection. */
  onConnection?: (status: ConnectionStatus) => void
}

/** What is streamed, and how. */
export interface Source extends StreamOptions {
  /** Whether events have ids that rise, so that a new connection goes on after the last one. */
  resumable: boolean
  /** Makes the request; the cursor is the id of the last event that came. */
  request: (cursor: string | undefined) => Request
  send: (request: Request) => Promise<Response>
  patience?: Patience
  /** Milliseconds that a page may be hidden before its stream is paused. */
  hiddenGrace?: number
  page?: Page
  backoff?: Backoff
}

/** The page was hidden: no failure, and no reason to wait. */
const hidden = Symbol('hidden')

/**
 * The data of a stream's events, in order, each once, however often the connection ends. It ends when
 * the server says so: with an event `end`, or with status 204. It throws when the server refuses for
 * good.
 */
export async function* follow<T extends object>(source: Source): AsyncGenerator<T> {
  const { page = new Page(), backoff = new Backoff(), signal } = source
  const tell = (status: ConnectionStatus): void => source.onConnection?.(status)
  let cursor: string | undefined
  try {
    for (;;) {
      if (page.hidden) tell({ state: 'paused' })
      await shown(page, signal)
      tell({ state: 'connecting' })
      const request = source.request(cursor)
      const connection = new Connection(source.patience ?? patience)
      const stop = closing(connection, page, source)
      let failure: unknown
      try {
        const response = await connection.open(request, source.send)
        if (!response) return
        tell({ state: 'open' })
        for await (const { event, id, data } of connection.frames(response)) {
          if (event === 'end') return
          backoff.reset()
          if (source.resumable && id !== undefined) {
            if (repeated(id, cursor)) continue
            cursor = id
          }
          yield parse<T>(data)
        }
      } catch (error) {
        signal?.throwIfAborted()
        if (error instanceof FreshetError && !error.temporary) throw error
        failure = error
      } finally {
        stop()
        backoff.base = connection.retry ?? backoff.base
        connection.close(hidden)
      }
      if (failure === hidden) continue
      const retryIn = backoff.next(wanted(failure))
      tell({ state: 'waiting', retryIn, ...(failure instanceof Error && { error: failure }) })
      await sleep(retryIn, page, signal)
    }
  } finally {
    tell({ state: 'closed' })
  }
}

/** Closes the connection when the caller or a hidden page wants it. Returns what ends that. */
function closing(connection: Connection, page: Page, { signal, hiddenGrace = 10_000 }: Source): () => void {
  const abort = (): void => connection.close(signal?.reason)
  if (signal?.aborted) abort()
  signal?.addEventListener('abort', abort)
  const shownAgain = page.onHidden(hiddenGrace, () => connection.close(hidden))
  return () => {
    signal?.removeEventListener('abort', abort)
    shownAgain()
  }
}

/** Ids are numbers that rise. */
function repeated(id: string, cursor: string | undefined): boolean {
  return cursor !== undefined && Number(id) <= Number(cursor)
}

function parse<T>(data: string): T {
  try {
    return JSON.parse(data) as T
  } catch {
    throw new FreshetError({ status: 0, code: 'bad_stream', message: 'an event of the stream is not JSON' })
  }
}
