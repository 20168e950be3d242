import type { Freshet } from '../freshet.js'
import { TaskChannel } from './channel.js'

const channels = new WeakMap<Freshet, Map<string, TaskChannel>>()
const clients = new WeakMap<Freshet, Map<string, Freshet>>()

/** The channel of a task that all components of a client share. */
export function channelOf(freshet: Freshet, id: string, token?: string): TaskChannel {
  const client = token === undefined ? freshet : entry(clients, freshet, token, () => freshet.withToken(token))
  return entry(channels, client, id, () => new TaskChannel(client, id))
}

function entry<V>(all: WeakMap<Freshet, Map<string, V>>, freshet: Freshet, key: string, make: () => V): V {
  let own = all.get(freshet)
  if (!own) all.set(freshet, (own = new Map()))
  let value = own.get(key)
  if (value === undefined) own.set(key, (value = make()))
  return value
}
