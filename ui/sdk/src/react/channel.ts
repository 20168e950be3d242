import { carriesTask, type ProgressEvent, type TaskEvent } from '../event.js'
import type { Freshet } from '../freshet.js'
import type { ConnectionStatus } from '../stream/follow.js'
import { persist } from '../stream/persist.js'
import { type EndedTask, isEnded, type Task, type TaskSummary } from '../task.js'
import { type LogLine, Logbook } from './logbook.js'
import { Store } from './store.js'

/** What is known of a task. */
export interface ChannelState {
  task: Task | undefined
  /** The last end that came while the task was watched. */
  ended: EndedTask | undefined
  error: Error | undefined
  connection: ConnectionStatus['state'] | 'idle'
}

/** What the task has printed. */
export interface Output {
  lines: readonly LogLine[]
  truncated: boolean
}

export const unknown: ChannelState = { task: undefined, ended: undefined, error: undefined, connection: 'idle' }
export const silent: Output = { lines: [], truncated: false }

/** Output beyond so many lines is dropped from its beginning. */
const maxLines = 50_000

/** One task as all components of a page see it, over one connection. */
export class TaskChannel extends Store<ChannelState> {
  readonly #freshet: Freshet
  readonly #id: string
  readonly #tails = new Map<() => void, number>()
  #logbook = new Logbook(maxLines)
  #output: Output | undefined
  #tail = 0
  #again = false

  constructor(freshet: Freshet, id: string) {
    super(unknown)
    this.#freshet = freshet
    this.#id = id
  }

  get output(): Output {
    this.#output ??= { lines: this.#logbook.lines, truncated: this.#logbook.truncated }
    return this.#output
  }

  /** Adds a reader who also wants the last so many lines of output, and all that comes; or none, with 0. */
  watch(reader: () => void, tail: number): () => void {
    const own = (): void => reader()
    this.#tails.set(own, tail)
    const leave = this.read(own)
    return () => {
      this.#tails.delete(own)
      leave()
    }
  }

  /** Takes a task that is known from elsewhere, unless a newer one is known. */
  seed(task: Task): void {
    if (!this.state.task || this.state.task.seq < task.seq) this.set({ task })
  }

  /** Looks again, for a task that was retried after its end, or after an error. */
  again = (): void => {
    this.#again = true
    this.refresh()
  }

  protected override outdated(): boolean {
    return this.#wanted() > this.#tail
  }

  protected override failed(error: Error): Partial<ChannelState> {
    return { error, connection: 'closed' }
  }

  protected override async run(signal: AbortSignal): Promise<void> {
    const known = this.#again ? undefined : this.state.task
    this.#again = false
    const tail = (this.#tail = this.#wanted())
    this.#logbook = new Logbook(maxLines)
    this.#output = undefined
    this.set({ error: undefined })
    const task = known ?? (await this.#fetch(signal))
    if (tail > 0 || !isEnded(task)) {
      const from = tail > 0 ? { logs: true, tail } : { after: task.seq }
      const onConnection = this.#connection(signal)
      for await (const event of this.#freshet.subscribe(this.#id, { signal, onConnection, ...from })) this.#take(event)
      await this.#fetch(signal)
    }
    this.set({ connection: 'closed' })
  }

  #wanted(): number {
    return Math.max(0, ...this.#tails.values())
  }

  async #fetch(signal: AbortSignal): Promise<Task> {
    const task = await persist(() => this.#freshet.get(this.#id, { signal }), signal)
    signal.throwIfAborted()
    const before = this.state.task
    this.set({ task, ...(before && !isEnded(before) && isEnded(task) && { ended: task }) })
    return task
  }

  #connection(signal: AbortSignal): (status: ConnectionStatus) => void {
    return ({ state }) => {
      if (!signal.aborted && state !== 'closed') this.set({ connection: state })
    }
  }

  #take(event: TaskEvent): void {
    const { task } = this.state
    if (event.type === 'task.log') {
      this.#logbook.add(event)
      this.#output = undefined
      this.set({})
    } else if (carriesTask(event)) {
      // The end is shown when the whole task is there: only that has the output.
      const news = event.data.task
      if (task && news.seq >= task.seq && !isEnded(news)) this.set({ task: merged(task, news) })
    } else if (event.type === 'task.progress' && task && event.seq > task.seq) {
      this.set({ task: advanced(task, event) })
    }
  }
}

function merged(task: Task, news: TaskSummary): Task {
  return { ...news, input: task.input } as Task
}

function advanced(task: Task, { seq, data: { progress = task.progress, message } }: ProgressEvent): Task {
  return { ...task, seq, progress, ...(message !== undefined && { message }) }
}
