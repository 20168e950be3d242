import type { InputOf, KindName, OutputOf } from '../register.js'
import { startIfAssigned } from './child.js'

/** What a file of a task's can be made of. */
export type ArtifactContent = string | Uint8Array | Iterable<string | Uint8Array> | AsyncIterable<string | Uint8Array>

/** What a task is given. */
export interface TaskContext<K extends KindName = KindName> {
  readonly input: InputOf<K>
  /** Id of the task. With `attempt` it is an idempotency key for what the task does elsewhere. */
  readonly taskId: string
  /** Number of this attempt, from 1. */
  readonly attempt: number
  /** Whom the task belongs to. */
  readonly owner: string
  /**
   * Aborted when the attempt is to end. Who takes it has the kind's `grace` to clean up; a task that does
   * not look at it ends at once. In a route nothing but the signal ends the task.
   */
  readonly signal: AbortSignal
  /** Says how far the task is, from 0 to 100, and a word about it. */
  progress(percent: number, message?: string): void
  /** Tells an event of the task's own. */
  event(name: string, data?: unknown): void
  /** Says nothing but that the task lives, for a kind with `silence`. */
  alive(): void
  /** Keeps a file with the task. The name is a path with slashes. */
  artifact(name: string, content: ArtifactContent): Promise<void>
}

/** The code of a task. What it returns is the output, what it throws the reason of its failure. */
export type TaskFunction<K extends KindName = KindName> = (
  context: TaskContext<K>,
) => OutputOf<K> | Promise<OutputOf<K>>

/** A kind and its code. */
export interface TaskDefinition<K extends KindName = KindName> {
  readonly kind: K
  readonly run: TaskFunction<K>
}

/** The code of any kind. */
export type AnyTask = { [K in KindName]: TaskDefinition<K> }[KindName]

/**
 * Defines the code of a kind. In a process that a worker has started for a task of this kind, the code is
 * run, and the process ends with it. Elsewhere, in a test or in a route that serves it, nothing happens.
 */
export function task<K extends KindName>(kind: K, run: TaskFunction<K>): TaskDefinition<K> {
  const definition = { kind, run }
  startIfAssigned(definition)
  return definition
}
