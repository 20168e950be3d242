/**
 * The page that the code runs in, if it runs in one. Over HTTP/1.1 a browser has six connections to a
 * server for all of its tabs, so a hidden tab must not hold one.
 */
export class Page {
  readonly #document: Document | undefined = globalThis.document
  readonly #window: EventTarget | undefined = globalThis.window

  get hidden(): boolean {
    return this.#document?.hidden ?? false
  }

  /** Calls back once the page was hidden without a break for so long. Returns what ends the watch. */
  onHidden(grace: number, callback: () => void): () => void {
    let timer: ReturnType<typeof setTimeout> | undefined
    const look = (): void => {
      clearTimeout(timer)
      if (this.hidden) timer = setTimeout(callback, grace)
    }
    look()
    this.#document?.addEventListener('visibilitychange', look)
    return () => {
      clearTimeout(timer)
      this.#document?.removeEventListener('visibilitychange', look)
    }
  }

  /** Calls back when the page is shown or the network is there again. Returns what ends the watch. */
  onWake(callback: () => void): () => void {
    const shown = (): void => {
      if (!this.hidden) callback()
    }
    this.#document?.addEventListener('visibilitychange', shown)
    this.#window?.addEventListener('online', callback)
    return () => {
      this.#document?.removeEventListener('visibilitychange', shown)
      this.#window?.removeEventListener('online', callback)
    }
  }
}
