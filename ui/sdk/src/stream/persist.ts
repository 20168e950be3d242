import { FreshetError } from '../error.js'
import { Backoff } from './backoff.js'
import { Page } from './page.js'
import { sleep } from './pause.js'

/** Does work that may be repeated until the server answers it: a refusal for good is thrown. */
export async function persist<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  const backoff = new Backoff()
  for (;;) {
    try {
      return await work()
    } catch (error) {
      signal?.throwIfAborted()
      if (!retryable(error)) throw error
      await sleep(backoff.next(wanted(error)), new Page(), signal)
    }
  }
}

/** Whether the same request may succeed later. The errors of `fetch` are TypeErrors. */
export function retryable(error: unknown): boolean {
  return error instanceof FreshetError ? error.temporary : error instanceof TypeError
}

/** Milliseconds that the server wants to be left alone for. */
export function wanted(error: unknown): number {
  return error instanceof FreshetError ? (error.retryAfter ?? 0) * 1000 : 0
}
