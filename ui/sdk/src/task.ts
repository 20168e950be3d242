import type { Failure, Task as Wire, Wait } from './api/types.js'
import type { InputOf, KindName, OutputOf } from './register.js'

/** The states of a task. The last three are ends. */
export type TaskState = Wire['state']

type Common = Omit<Wire, 'kind' | 'state' | 'input' | 'output' | 'error' | 'wait' | 'readToken' | 'readTokenExpiresAt' | 'outputUrl'>

type Pending = { state: 'pending'; wait?: Wait; error?: Failure }
type Running = { state: 'running'; wait?: undefined; error?: Failure }
type Completed = { state: 'completed'; wait?: undefined; error?: undefined }
type Failed = { state: 'failed'; wait?: undefined; error: Failure }
type Cancelled = { state: 'cancelled'; wait?: undefined; error?: Failure }

/** A task as lists and events show it: without input and output. */
export type TaskSummary<K extends KindName = KindName> = K extends unknown
  ? Common & { kind: K } & (Pending | Running | Completed | Failed | Cancelled)
  : never

type Whole<K extends KindName, Phase, Output = undefined> = Common & { kind: K; input: InputOf<K> } & Phase &
    (undefined extends Output ? { output?: Output } : { output: Output })

/** A task that has ended. `state` tells how, and so whether it has an `output` or an `error`. */
export type EndedTask<K extends KindName = KindName> = K extends unknown
  ? Whole<K, Completed, OutputOf<K>> | Whole<K, Failed> | Whole<K, Cancelled>
  : never

/** A task. Of several kinds, `kind` tells which; `state` tells whether it has an `output` or an `error`. */
export type Task<K extends KindName = KindName> = K extends unknown
  ? Whole<K, Pending> | Whole<K, Running> | EndedTask<K>
  : never

/** A task that was just submitted. */
export type SubmittedTask<K extends KindName = KindName> = Task<K> & {
  /** Lets a browser watch this task, and nothing else. */
  readToken: string
  readTokenExpiresAt: string
}

/** Whether the task has come to its end. */
export function isEnded<K extends KindName>(task: Task<K>): task is Task<K> & EndedTask<K>
export function isEnded(task: { state: TaskState }): boolean
export function isEnded({ state }: { state: TaskState }): boolean {
  return state === 'completed' || state === 'failed' || state === 'cancelled'
}
