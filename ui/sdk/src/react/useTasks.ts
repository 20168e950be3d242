import { useMemo, useSyncExternalStore } from 'react'

import type { TaskFilter } from '../options.js'
import type { KindName } from '../register.js'
import type { TaskSummary } from '../task.js'
import { Board, type BoardState, empty } from './board.js'
import { useFreshet } from './provider.js'

/** A list of tasks, as it is now. */
export interface UseTasks<K extends KindName = KindName> extends Omit<BoardState, 'tasks'> {
  /** The newest first; absent until they were read. */
  tasks: readonly TaskSummary<K>[] | undefined
  /** Reads the list again. */
  refresh: () => void
}

/** Watches a list of tasks live: its first page, over one connection for all of them. */
export function useTasks<K extends KindName = KindName>(filter: Omit<TaskFilter<K>, 'cursor'> = {}): UseTasks<K> {
  const freshet = useFreshet()
  const key = JSON.stringify(filter)
  const board = useMemo(() => new Board(freshet, JSON.parse(key) as TaskFilter), [freshet, key])
  const state = useSyncExternalStore(board.read, () => board.state, () => empty)
  return { ...state, refresh: board.refresh } as UseTasks<K>
}
