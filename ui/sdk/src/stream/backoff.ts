/** Milliseconds that an attempt to come back is delayed by at most. */
const longest = 30_000

/** How long to wait before the next try: longer each time, and never the same for all clients at once. */
export class Backoff {
  /** Milliseconds before the first try; the server's `retry:` sets it. */
  base = 1_000

  #failures = 0
  readonly #random: () => number

  constructor(random: () => number = Math.random) {
    this.#random = random
  }

  /** Something came: the next failure is a first one again. */
  reset(): void {
    this.#failures = 0
  }

  /** Milliseconds to wait now, at least as many as the server asked for. */
  next(least = 0): number {
    const delay = Math.min(longest, this.base * 2 ** this.#failures)
    this.#failures = Math.min(this.#failures + 1, 30)
    return Math.max(least, delay * (0.5 + this.#random() / 2))
  }
}
