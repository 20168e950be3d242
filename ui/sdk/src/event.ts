import type { KindName } from './register.js'
import type { TaskSummary } from './task.js'

/** The types of what moves a task from state to state. */
export type Lifecycle =
  | 'task.created'
  | 'task.started'
  | 'task.waiting'
  | 'task.retrying'
  | 'task.interrupted'
  | 'task.cancel_requested'
  | 'task.completed'
  | 'task.failed'
  | 'task.cancelled'

/** The one envelope of all that is told about a task. */
export interface Envelope<Type extends string, Data> {
  type: Type
  taskId: string
  /** Rises with every event and log chunk of the task. */
  seq: number
  /** The attempt that it is about; absent from a snapshot. */
  attempt?: number
  /** When it happened: RFC 3339, UTC. */
  at: string
  data: Data
}

/** The task as it is at the start of a stream. */
export type SnapshotEvent<K extends KindName = KindName> = Envelope<'task.snapshot', { task: TaskSummary<K> }>

/** The task moved from state to state. `data.task` is the task as it was when the event was sent. */
export type LifecycleEvent<K extends KindName = KindName> = Envelope<Lifecycle, { task: TaskSummary<K> }>

/** The task said how far it is. Either part may be missing. */
export type ProgressEvent = Envelope<'task.progress', { progress?: number; message?: string }>

/** An event of the task's own. */
export type CustomEvent = Envelope<'task.custom', { name: string; data?: unknown }>

/** Some of what the task printed: whole lines, unless `partial` says that the last one goes on. */
export type LogEvent = Envelope<
  'task.log',
  {
    /** `system` is Freshet itself. */
    stream: 'stdout' | 'stderr' | 'system'
    text: string
    partial?: boolean
  }
>

/**
 * Something that happened to a task; `type` tells what. A newer server may send types that are not
 * listed here: let a `switch` pass over them.
 */
export type TaskEvent<K extends KindName = KindName> =
  | SnapshotEvent<K>
  | LifecycleEvent<K>
  | ProgressEvent
  | CustomEvent
  | LogEvent

/** Whether the event carries the task in `data.task`. */
export function carriesTask<K extends KindName>(
  event: TaskEvent<K>,
): event is SnapshotEvent<K> | LifecycleEvent<K> {
  return typeof event.data === 'object' && event.data !== null && 'task' in event.data
}
