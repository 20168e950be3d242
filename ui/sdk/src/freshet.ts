import { type Client, createClient, createConfig } from './api/client/index.js'
import * as api from './api/sdk.js'
import type { Artifact, Attempt, Log } from './api/types.js'
import { problem } from './error.js'
import type { TaskEvent } from './event.js'
import type {
  CallOptions,
  FreshetOptions,
  LogFilter,
  ReadToken,
  SubmitOptions,
  SubscribeOptions,
  TaskFilter,
  TaskPage,
  TokenRequest,
  WatchOptions,
} from './options.js'
import type { InputOf, KindName } from './register.js'
import { follow } from './stream/follow.js'
import { taskStream, tasksStream } from './stream/request.js'
import { persist } from './stream/persist.js'
import { mustBe, target } from './target.js'
import { type EndedTask, isEnded, type SubmittedTask, type Task } from './task.js'
import type { Token } from './token.js'
import { Transport } from './transport.js'

/**
 * A client of one Freshet server. What the server refuses is thrown as a `FreshetError`, what the network
 * fails at as the `TypeError` of `fetch`.
 */
export class Freshet {
  readonly #transport: Transport
  readonly #options: FreshetOptions
  #http: Client | undefined

  constructor(options: FreshetOptions = {}) {
    this.#options = options
    this.#transport = new Transport(options)
  }

  /** The generated client, for the calls of the HTTP API that have no method here. */
  get http(): Client {
    this.#http ??= createClient(createConfig({ baseUrl: this.#transport.url, fetch: this.#transport.send as typeof fetch }))
    return this.#http
  }

  /** The same server, with another token. */
  withToken(token: Token): Freshet {
    return new Freshet({ ...this.#options, token })
  }

  /** Submits a task. With an `idempotencyKey` it is safe to do so again. */
  async submit<K extends KindName>(kind: K, input: InputOf<K>, options: SubmitOptions = {}): Promise<SubmittedTask<K>> {
    const { signal, scheduledAt, ...rest } = options
    const due = scheduledAt instanceof Date ? scheduledAt.toISOString() : scheduledAt
    const body = { ...rest, kind, input, ...(due !== undefined && { scheduledAt: due }) }
    return done(await api.submitTask({ client: this.http, body, signal })) as SubmittedTask<K>
  }

  /** Reads a task. With a kind, a task of another one is an error. */
  get(id: string, options?: CallOptions): Promise<Task>
  get<K extends KindName>(kind: K, id: string, options?: CallOptions): Promise<Task<K>>
  async get(...args: unknown[]): Promise<Task> {
    const { id, kind, options } = target<CallOptions>(args)
    const task = done(await api.getTask({ client: this.http, path: { id: id ?? '' }, signal: options?.signal }))
    mustBe(kind, task)
    return task as Task
  }

  /** Waits until the task has ended, whichever way: look at its `state`. It goes on through lost connections. */
  wait(id: string, options?: CallOptions): Promise<EndedTask>
  wait<K extends KindName>(kind: K, id: string, options?: CallOptions): Promise<EndedTask<K>>
  async wait(...args: unknown[]): Promise<EndedTask> {
    const { id, kind, options } = target<CallOptions>(args)
    const request = { path: { id: id ?? '' }, query: { wait: '30s', until: 'end' as const }, signal: options?.signal }
    for (;;) {
      const task = await persist(async () => done(await api.getTask({ client: this.http, ...request })), options?.signal)
      mustBe(kind, task)
      if (isEnded(task)) return task as EndedTask
    }
  }

  /**
   * Everything that happens to a task, in order, each once, through lost connections. It ends when the
   * task has ended; `break` or the signal ends it earlier.
   */
  subscribe(id: string, options?: SubscribeOptions): AsyncGenerator<TaskEvent, void, void>
  subscribe<K extends KindName>(kind: K, id: string, options?: SubscribeOptions): AsyncGenerator<TaskEvent<K>, void, void>
  async *subscribe(...args: unknown[]): AsyncGenerator<TaskEvent, void, void> {
    const { id, kind, options = {} } = target<SubscribeOptions>(args)
    const request = taskStream(this.#transport.url, id ?? '', options)
    const { send } = this.#transport
    for await (const event of follow<TaskEvent>({ ...options, resumable: true, request, send })) {
      if (event.type === 'task.snapshot') mustBe(kind, event.data.task)
      yield event
    }
  }

  /**
   * What happens to many tasks, as it happens, until the signal ends it. What happened while the
   * connection was lost is not told: each new connection begins with a snapshot.
   */
  watch<K extends KindName = KindName>(options: WatchOptions<K> = {}): AsyncGenerator<TaskEvent<K>, void, void> {
    const request = tasksStream(this.#transport.url, options)
    return follow<TaskEvent<K>>({ ...options, resumable: false, request, send: this.#transport.send })
  }

  /** Lists tasks, the newest first. */
  async list<K extends KindName = KindName>(filter: TaskFilter<K> = {}, options: CallOptions = {}): Promise<TaskPage<K>> {
    return done(await api.listTasks({ client: this.http, query: filter, ...options })) as TaskPage<K>
  }

  /** Lets the task be cancelled. It is so when its `state` says it: its command may yet complete. */
  async cancel(id: string, options: CallOptions = {}): Promise<Task> {
    return done(await api.cancelTask({ client: this.http, path: { id }, ...options })) as Task
  }

  /** Reopens a task that has ended, under the same id. */
  async retry(id: string, options: CallOptions = {}): Promise<Task> {
    return done(await api.retryTask({ client: this.http, path: { id }, ...options })) as Task
  }

  /** Submits a new task like this one, with its input or another. */
  async rerun(id: string, input?: unknown, options: CallOptions = {}): Promise<Task> {
    return done(await api.rerunTask({ client: this.http, path: { id }, body: { input }, ...options })) as Task
  }

  /** Deletes a task that has ended, and all that is kept of it. */
  async delete(id: string, options: CallOptions = {}): Promise<void> {
    done(await api.deleteTask({ client: this.http, path: { id }, ...options }))
  }

  /** The files that the task left, each with an address that is good for five minutes. */
  async artifacts(id: string, options: CallOptions = {}): Promise<Artifact[]> {
    return done(await api.listArtifacts({ client: this.http, path: { id }, ...options })).items
  }

  /** The tries at the task, first to last. */
  async attempts(id: string, options: CallOptions = {}): Promise<Attempt[]> {
    return done(await api.listAttempts({ client: this.http, path: { id }, ...options })).items
  }

  /** What the task printed, in chunks. */
  async logs(id: string, filter: LogFilter = {}, options: CallOptions = {}): Promise<Log[]> {
    const query = { ...filter, format: 'json' as const }
    return (done(await api.readLogs({ client: this.http, path: { id }, query, ...options })) as { items: Log[] }).items
  }

  /** Makes a token with which a browser may read, of one owner or of some tasks. */
  async createToken(request: TokenRequest, options: CallOptions = {}): Promise<ReadToken> {
    return done(await api.createToken({ client: this.http, body: request, ...options }))
  }
}

/** A client of the server at `url`; without options, of that which the environment names. */
export function createFreshet(options: FreshetOptions = {}): Freshet {
  return new Freshet(options)
}

/** What the server answered, or the error that it was. */
function done<T>(answer: { data?: T; error?: unknown; response?: Response }): NonNullable<T> {
  const { data, error, response } = answer
  if (response?.ok && error === undefined) return data as NonNullable<T>
  throw response && !response.ok ? problem(response, error) : error
}
