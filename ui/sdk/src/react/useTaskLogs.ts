import { useSyncExternalStore } from 'react'

import { target } from '../target.js'
import { silent, unknown } from './channel.js'
import type { LogLine } from './logbook.js'
import { idle, useChannel, type UseTask, type UseTaskOptions } from './useTask.js'

/** Options of `useTaskLogs`. */
export interface UseTaskLogsOptions extends Pick<UseTaskOptions, 'token' | 'enabled'> {
  /** Of what was printed before, so many lines; 500 when absent. */
  tail?: number
}

/** What a task prints. */
export interface UseTaskLogs extends Omit<UseTask, 'task'> {
  /** Oldest first. The last one may still grow: its key stays the same. */
  lines: readonly LogLine[]
  /** Whether the first lines were dropped because there were too many. */
  truncated: boolean
}

/** Watches what a task prints, live, over the same connection as `useTask`. */
export function useTaskLogs(id: string | null | undefined, options: UseTaskLogsOptions = {}): UseTaskLogs {
  const { tail = 500 } = options
  const { channel, subscribe } = useChannel(target([id]).id, options, Math.max(1, tail))
  const { error, connection } = useSyncExternalStore(subscribe, () => channel?.state ?? unknown, () => unknown)
  const output = useSyncExternalStore(subscribe, () => channel?.output ?? silent, () => silent)
  return { ...output, error, connection, refresh: channel?.again ?? idle }
}
