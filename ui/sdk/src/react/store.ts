/** Milliseconds between two tellings: a screen shows no more. */
const frame = 16

/**
 * State that many components read, kept up to date while at least one does. Who leaves and comes back in
 * the same breath, as React's strict mode does, interrupts nothing.
 */
export abstract class Store<State extends object> {
  readonly #readers = new Set<() => void>()
  #state: State
  #running: AbortController | undefined
  #settling = false
  #telling: ReturnType<typeof setTimeout> | undefined

  constructor(state: State) {
    this.#state = state
  }

  /** Never changed, only replaced. */
  get state(): State {
    return this.#state
  }

  /** Adds a reader who is called when the state is another. Returns what removes them. */
  read = (reader: () => void): (() => void) => {
    this.#readers.add(reader)
    this.#settleSoon()
    return () => {
      this.#readers.delete(reader)
      this.#settleSoon()
    }
  }

  /** Begins anew. */
  refresh = (): void => {
    this.#stop()
    this.#settleSoon()
  }

  /** Keeps the state up to date until the signal is aborted. What it throws is told as the state's error. */
  protected abstract run(signal: AbortSignal): Promise<void>

  /** The state that shows an error. */
  protected abstract failed(error: Error): Partial<State>

  /** Whether what runs is no longer what the readers want. */
  protected outdated(): boolean {
    return false
  }

  protected set(change: Partial<State>): void {
    this.#state = { ...this.#state, ...change }
    this.#telling ??= setTimeout(() => {
      this.#telling = undefined
      for (const reader of [...this.#readers]) reader()
    }, frame)
  }

  #settleSoon(): void {
    if (this.#settling) return
    this.#settling = true
    queueMicrotask(() => {
      this.#settling = false
      this.#settle()
    })
  }

  #settle(): void {
    if (this.#readers.size === 0 || (this.#running && this.outdated())) this.#stop()
    if (this.#readers.size === 0 || this.#running) return
    this.#running = new AbortController()
    const { signal } = this.#running
    this.run(signal).catch((thrown: unknown) => {
      if (!signal.aborted) this.set(this.failed(thrown instanceof Error ? thrown : new Error(String(thrown))))
    })
  }

  #stop(): void {
    this.#running?.abort()
    this.#running = undefined
  }
}
