import type { ListTasksData, ReadLogsData, SubmitRequest } from './api/types.js'
export type { Token as ReadToken, TokenRequest } from './api/types.js'
import type { KindName } from './register.js'
import type { StreamOptions } from './stream/follow.js'
import type { TaskSummary } from './task.js'
import type { Token } from './token.js'

/** Where the server is, and what lets one in. */
export interface FreshetOptions {
  /** Address of the server; `FRESHET_URL` when absent. */
  url?: string
  /** API key, read token, or a function that gets one; `FRESHET_API_KEY` when absent. */
  token?: Token
  /** Sends the requests, instead of the global `fetch`. */
  fetch?: typeof fetch
}

/** What ends a call early: it then throws the signal's reason. */
export interface CallOptions {
  signal?: AbortSignal
}

/** What a submit may say besides kind and input. */
export type SubmitOptions = Omit<SubmitRequest, 'kind' | 'input' | 'scheduledAt'> &
  CallOptions & {
    /** Not before this time. */
    scheduledAt?: string | Date
  }

/** Which tasks a list has. */
export type TaskFilter<K extends KindName = KindName> = Omit<NonNullable<ListTasksData['query']>, 'kind'> & {
  kind?: K
}

/** One page of a list. */
export interface TaskPage<K extends KindName = KindName> {
  items: TaskSummary<K>[]
  /** Pass it as `cursor` for the next page; absent on the last one. */
  nextCursor?: string
}

/** Which part of a task's output is read. */
export type LogFilter = Omit<NonNullable<ReadLogsData['query']>, 'format'>

/** Options of a task's stream. */
export interface SubscribeOptions extends StreamOptions {
  /** Seq of the last event that is known; the stream begins after it. */
  after?: number
  /** Whether what the task prints is streamed too. */
  logs?: boolean
  /** Of what was printed before, only so many lines. */
  tail?: number
}

/** Which tasks a stream of many is about; without any, all that the token may see. */
export interface WatchOptions<K extends KindName = KindName> extends StreamOptions {
  kind?: K
  tag?: string
  ids?: string[]
}
