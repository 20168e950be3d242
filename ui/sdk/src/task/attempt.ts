import type { KindName } from '../register.js'
import type { ArtifactContent, TaskContext, TaskDefinition } from './definition.js'
import { failure, type Line } from './line.js'

/** What is to be done. */
export interface Assignment {
  taskId: string
  kind: string
  attempt: number
  owner: string
  input: unknown
}

/** The way to Freshet, and from it. */
export interface Host {
  readonly signal: AbortSignal
  say(line: Line): void
  keep(name: string, content: ArtifactContent): Promise<void>
}

/** Runs the code of a task, and says how it ended. False when it failed. */
export async function perform<K extends KindName>(definition: TaskDefinition<K>, work: Assignment, host: Host): Promise<boolean> {
  try {
    const output = await definition.run(context<K>(work, host))
    if (output !== undefined) host.say({ output })
    return true
  } catch (thrown) {
    console.error(thrown)
    host.say(failure(thrown))
    return false
  }
}

function context<K extends KindName>(work: Assignment, host: Host): TaskContext<K> {
  return {
    input: work.input as TaskContext<K>['input'],
    taskId: work.taskId,
    attempt: work.attempt,
    owner: work.owner,
    get signal() {
      return host.signal
    },
    progress: (percent, message) => host.say({ progress: clamp(percent), ...(message !== undefined && { message }) }),
    event: (event, data) => host.say({ event, ...(data !== undefined && { data }) }),
    alive: () => host.say({ alive: true }),
    artifact: (name, content) => host.keep(name, content),
  }
}

/** Progress is worth no failure: what is no number is 0. */
function clamp(percent: number): number {
  return Math.min(100, Math.max(0, percent || 0))
}
