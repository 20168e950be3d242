import type { Page } from './page.js'

/** Waits so many milliseconds; less when the page wakes up. Throws the signal's reason when it is aborted. */
export function sleep(delay: number, page: Page, signal?: AbortSignal): Promise<void> {
  return wake(signal, (done) => {
    const timer = setTimeout(done, delay)
    const stop = page.onWake(done)
    return () => {
      clearTimeout(timer)
      stop()
    }
  })
}

/** Waits while the page is hidden. Throws the signal's reason when it is aborted. */
export function shown(page: Page, signal?: AbortSignal): Promise<void> {
  if (!page.hidden) return Promise.resolve()
  return wake(signal, (done) =>
    page.onWake(() => {
      if (!page.hidden) done()
    }),
  )
}

function wake(signal: AbortSignal | undefined, watch: (done: () => void) => () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const end = (): void => {
      stop()
      signal?.removeEventListener('abort', abort)
    }
    const abort = (): void => {
      end()
      reject(signal?.reason)
    }
    const stop = watch(() => {
      end()
      resolve()
    })
    signal?.addEventListener('abort', abort, { once: true })
  })
}
