import { carriesTask, type TaskEvent } from '../event.js'
import type { Freshet } from '../freshet.js'
import type { TaskFilter } from '../options.js'
import type { ConnectionStatus } from '../stream/follow.js'
import { persist } from '../stream/persist.js'
import type { TaskSummary } from '../task.js'
import { Store } from './store.js'

/** What is known of a list. */
export interface BoardState {
  tasks: readonly TaskSummary[] | undefined
  error: Error | undefined
  connection: ConnectionStatus['state'] | 'idle'
}

export const empty: BoardState = { tasks: undefined, error: undefined, connection: 'idle' }

/** How many tasks a list has when its filter does not say. */
const page = 50

/** The first page of a list of tasks, kept as it is now. */
export class Board extends Store<BoardState> {
  readonly #freshet: Freshet
  readonly #filter: TaskFilter
  /** Tasks that events told of while the list was on its way. */
  #early: Map<string, TaskSummary> | undefined

  constructor(freshet: Freshet, filter: TaskFilter) {
    super(empty)
    this.#freshet = freshet
    this.#filter = filter
  }

  protected override failed(error: Error): Partial<BoardState> {
    return { error, connection: 'closed' }
  }

  protected override async run(signal: AbortSignal): Promise<void> {
    const { kind, tag } = this.#filter
    this.set({ error: undefined })
    const onConnection = ({ state }: ConnectionStatus): void => {
      if (signal.aborted) return
      this.set({ connection: state })
      // What happened while there was no connection is in the list, and nowhere else.
      if (state === 'open') this.#load(signal).catch((error: Error) => signal.aborted || this.set(this.failed(error)))
    }
    const events = this.#freshet.watch({ signal, onConnection, ...(kind && { kind }), ...(tag && { tag }) })
    for await (const event of events) this.#take(event)
  }

  async #load(signal: AbortSignal): Promise<void> {
    const early = (this.#early = new Map<string, TaskSummary>())
    const filter = { limit: page, ...this.#filter }
    const { items } = await persist(() => this.#freshet.list(filter, { signal }), signal)
    if (signal.aborted || early !== this.#early) return
    this.#early = undefined
    const tasks = new Map(items.map((task) => [task.id, task]))
    for (const task of early.values()) tasks.set(task.id, newer(task, tasks.get(task.id)))
    this.set({ tasks: this.#sorted([...tasks.values()]) })
  }

  #take(event: TaskEvent): void {
    const { tasks } = this.state
    const old = this.#early?.get(event.taskId) ?? tasks?.find(({ id }) => id === event.taskId)
    const task = changed(event, old)
    if (!task) return
    this.#early?.set(task.id, task)
    if (tasks) this.set({ tasks: this.#sorted([...tasks.filter(({ id }) => id !== task.id), task]) })
  }

  #fits({ state, kind, tags, owner, createdAt }: TaskSummary): boolean {
    const { state: inState, kind: ofKind, tag, owner: ofOwner, createdAfter, createdBefore } = this.#filter
    return (
      fits(inState, state) &&
      fits(ofKind, kind) &&
      fits(ofOwner, owner) &&
      (tag === undefined || tags.includes(tag)) &&
      (createdAfter === undefined || Date.parse(createdAt) > Date.parse(createdAfter)) &&
      (createdBefore === undefined || Date.parse(createdAt) < Date.parse(createdBefore))
    )
  }

  /** What fits the filter. Ids rise with time: the newest come first. */
  #sorted(tasks: TaskSummary[]): TaskSummary[] {
    const fitting = tasks.filter((task) => this.#fits(task))
    return fitting.sort((a, b) => (a.id < b.id ? 1 : -1)).slice(0, this.#filter.limit ?? page)
  }
}

function fits(wanted: string | undefined, value: string): boolean {
  return wanted === undefined || wanted === value
}

/** The task after the event, if that changes it. */
function changed(event: TaskEvent, old: TaskSummary | undefined): TaskSummary | undefined {
  if (carriesTask(event)) return newer(event.data.task, old)
  if (event.type !== 'task.progress' || !old || event.seq <= old.seq) return undefined
  const { progress = old.progress, message } = event.data
  return { ...old, seq: event.seq, progress, ...(message !== undefined && { message }) }
}

function newer(task: TaskSummary, old: TaskSummary | undefined): TaskSummary {
  return old && old.seq > task.seq ? old : task
}
