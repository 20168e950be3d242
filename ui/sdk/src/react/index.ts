'use client'

export type { LogLine } from './logbook.js'
export { FreshetProvider, type FreshetProviderProps, useFreshet } from './provider.js'
export { useSubmit, type UseSubmit } from './useSubmit.js'
export { useTask, type UseTask, type UseTaskOptions } from './useTask.js'
export { useTaskLogs, type UseTaskLogs, type UseTaskLogsOptions } from './useTaskLogs.js'
export { useTasks, type UseTasks } from './useTasks.js'
