export * from './register.js'
export type { Artifact, Attempt, Failure, Fault, Kind, Log, Usage, Wait, Worker } from './api/types.js'
export { FreshetError } from './error.js'
export type {
  CustomEvent,
  LifecycleEvent,
  LogEvent,
  ProgressEvent,
  SnapshotEvent,
  TaskEvent,
} from './event.js'
export { createFreshet, Freshet } from './freshet.js'
export type * from './options.js'
export type { ConnectionStatus, StreamOptions } from './stream/follow.js'
export { type EndedTask, isEnded, type SubmittedTask, type Task, type TaskState, type TaskSummary } from './task.js'
export { type Token, tokenFrom } from './token.js'
