import { useCallback, useEffect, useRef, useSyncExternalStore } from 'react'

import type { KindName } from '../register.js'
import type { ConnectionStatus } from '../stream/follow.js'
import { mustBe, target } from '../target.js'
import type { EndedTask, Task } from '../task.js'
import { type TaskChannel, unknown } from './channel.js'
import { channelOf } from './channels.js'
import { useFreshet } from './provider.js'

/** Options of `useTask`. */
export interface UseTaskOptions<K extends KindName = KindName> {
  /** Lets this one task be read: the `readToken` of its submit. */
  token?: string
  /** The task as the server that rendered the page knew it. */
  initialTask?: Task<K>
  /** `false` to not look yet. */
  enabled?: boolean
  /** Told when the task ends while it is watched. */
  onEnd?: (task: EndedTask<K>) => void
}

/** A task, as it is now. */
export interface UseTask<K extends KindName = KindName> {
  /** Absent until it was read. */
  task: Task<K> | undefined
  /** Why it cannot be watched. A lost connection is no error: it comes back. */
  error: Error | undefined
  connection: ConnectionStatus['state'] | 'idle'
  /** Looks again: after an error, or after a retry of the task. */
  refresh: () => void
}

/** Watches a task live. Components that watch the same one share one connection. */
export function useTask(id: string | null | undefined, options?: UseTaskOptions): UseTask
export function useTask<K extends KindName>(kind: K, id: string | null | undefined, options?: UseTaskOptions<K>): UseTask<K>
export function useTask(...args: unknown[]): UseTask {
  const { kind, id, options = {} } = target<UseTaskOptions>(args)
  const { channel, subscribe } = useChannel(id, options, 0)
  const state = useSyncExternalStore(subscribe, () => channel?.state ?? unknown, () => unknown)
  const task = state.task ?? options.initialTask
  useEnd(channel, state.ended, options.onEnd)
  return { ...judged(kind, task, state.error), connection: state.connection, refresh: channel?.again ?? idle }
}

/** A task that the caller reads, of its output the last so many lines. */
export function useChannel(
  id: string | undefined,
  { token, initialTask, enabled = true }: UseTaskOptions,
  tail: number,
): { channel: TaskChannel | undefined; subscribe: (reader: () => void) => () => void } {
  const freshet = useFreshet()
  const channel = id !== undefined && enabled ? channelOf(freshet, id, token) : undefined
  const first = useRef(initialTask)
  const subscribe = useCallback(
    (reader: () => void) => {
      if (first.current && first.current.id === id) channel?.seed(first.current)
      return channel?.watch(reader, tail) ?? idle
    },
    [channel, id, tail],
  )
  return { channel, subscribe }
}

export function idle(): void {}

/** Calls back once for each end that comes while the component is there. */
function useEnd(channel: TaskChannel | undefined, ended: EndedTask | undefined, onEnd: UseTaskOptions['onEnd']): void {
  const call = useRef(onEnd)
  const seen = useRef({ channel, ended })
  useEffect(() => {
    call.current = onEnd
  })
  useEffect(() => {
    const before = seen.current
    seen.current = { channel, ended }
    if (ended && before.channel === channel && before.ended !== ended) call.current?.(ended)
  }, [channel, ended])
}

function judged(kind: KindName | undefined, task: Task | undefined, error: Error | undefined): { task: Task | undefined; error: Error | undefined } {
  try {
    if (task) mustBe(kind, task)
    return { task, error }
  } catch (wrong) {
    return { task: undefined, error: wrong as Error }
  }
}
