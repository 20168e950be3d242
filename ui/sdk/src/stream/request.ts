import type { SubscribeOptions, WatchOptions } from '../options.js'

type Make = (cursor: string | undefined) => Request

const headers = { accept: 'text/event-stream' }

/**
 * Makes the requests of a task's stream: the first begins where the options say, a later one after the
 * last event that came.
 */
export function taskStream(url: string, id: string, { after, logs, tail }: SubscribeOptions): Make {
  const address = `${url}/v1/tasks/${encodeURIComponent(id)}/stream`
  const include = logs ? { include: 'logs' } : {}
  const begin = query({ ...include, after, tail: logs ? tail : undefined })
  return (cursor) =>
    cursor === undefined
      ? new Request(address + begin, { headers, cache: 'no-store' })
      : new Request(address + query(include), { headers: { ...headers, 'last-event-id': cursor }, cache: 'no-store' })
}

/** Makes the requests of a stream of many tasks. It cannot be resumed, so all are alike. */
export function tasksStream(url: string, { kind, tag, ids }: WatchOptions): Make {
  const address = `${url}/v1/stream${query({ kind, tag, ids: ids?.join(',') })}`
  return () => new Request(address, { headers, cache: 'no-store' })
}

function query(values: Record<string, string | number | undefined>): string {
  const given = Object.entries(values).filter(([, value]) => value !== undefined)
  return given.length ? `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}` : ''
}
