import type { LogEvent } from '../event.js'

/** One line that a task printed. */
export interface LogLine {
  /** Stays the same while the line grows. */
  key: string
  stream: LogEvent['data']['stream']
  text: string
  attempt: number | undefined
  /** When the line began: RFC 3339, UTC. */
  at: string
}

/** Puts chunks of output together to lines, and keeps the last of them. */
export class Logbook {
  /** Whether lines were dropped because there were too many. */
  truncated = false

  #lines: LogLine[] = []
  readonly #most: number
  readonly #open = new Map<string, LogLine>()

  constructor(most: number) {
    this.#most = most
  }

  /** A copy: what was given out does not change. */
  get lines(): readonly LogLine[] {
    return this.#lines.slice()
  }

  /** Adds a chunk. Of each stream, the line that its last chunk left open goes on. */
  add({ seq, attempt, at, data: { stream, text, partial } }: LogEvent): void {
    const source = `${attempt} ${stream}`
    const pieces = text.split('\n')
    if (!partial && pieces.at(-1) === '') pieces.pop()
    pieces.forEach((piece, i) => {
      const begun = i === 0 ? this.#open.get(source) : undefined
      const line = { key: begun?.key ?? `${seq}.${i}`, stream, text: (begun?.text ?? '') + piece, attempt, at: begun?.at ?? at }
      if (begun) this.#replace(begun, line)
      else this.#lines.push(line)
      if (partial && i === pieces.length - 1) this.#open.set(source, line)
      else this.#open.delete(source)
    })
    this.#trim()
  }

  #replace(old: LogLine, line: LogLine): void {
    const at = this.#lines.lastIndexOf(old)
    if (at >= 0) this.#lines[at] = line
  }

  /** A tenth more than is kept, so that not every chunk moves all lines. */
  #trim(): void {
    if (this.#lines.length <= this.#most * 1.1) return
    this.#lines = this.#lines.slice(-this.#most)
    this.truncated = true
  }
}
