import { appendFileSync, readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, isAbsolute, join, normalize, sep } from 'node:path'

import type { KindName } from '../register.js'
import { type Assignment, type Host, perform } from './attempt.js'
import type { ArtifactContent, TaskDefinition } from './definition.js'
import { TaskError } from './error.js'
import { encode, failure, type Line } from './line.js'

/** Runs the task if this process was started by a worker for it. */
export function startIfAssigned<K extends KindName>(definition: TaskDefinition<K>): void {
  if (!process.env['FRESHET_EVENTS']) return
  const { kind } = definition
  const assigned = process.env['FRESHET_KIND']
  if (kind !== assigned) {
    // Another task of this program may be the one. Without it, exit code 0 would look like success.
    process.once('beforeExit', () => giveUp(`this program has the code of ${kind}, and was started for ${assigned}`))
    return
  }
  process.once('beforeExit', () => giveUp('the function of the task waits for something that can no longer come'))
  // Later, so that what stands below task(…) in its module is there.
  setImmediate(() => void run(definition))
}

async function run<K extends KindName>(definition: TaskDefinition<K>): Promise<void> {
  const done = await perform(definition, assignment(), new Child())
  // A forgotten timer or pool of connections must not keep a task from its end.
  process.exit(done ? 0 : 1)
}

function assignment(): Assignment {
  return {
    taskId: variable('FRESHET_TASK_ID'),
    kind: variable('FRESHET_KIND'),
    attempt: Number(variable('FRESHET_ATTEMPT')),
    owner: process.env['FRESHET_OWNER'] ?? '',
    input: JSON.parse(readFileSync(variable('FRESHET_INPUT'), 'utf8')),
  }
}

/** A process that a worker has started. */
class Child implements Host {
  #signal: AbortSignal | undefined

  /** SIGTERM is only held back from its usual effect, the end, for those who look at the signal. */
  get signal(): AbortSignal {
    if (!this.#signal) {
      const abort = new AbortController()
      process.once('SIGTERM', () => abort.abort(new TaskError('the attempt was told to end')))
      this.#signal = abort.signal
    }
    return this.#signal
  }

  say(line: Line): void {
    say(line)
  }

  async keep(name: string, content: ArtifactContent): Promise<void> {
    const path = normalize(name)
    if (isAbsolute(path) || path === '.' || path.split(sep).includes('..')) {
      throw new TaskError(`the name of an artifact must be a path below its folder, not ${JSON.stringify(name)}`, { retry: false })
    }
    const file = join(variable('FRESHET_ARTIFACTS'), path)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, content)
  }
}

function say(line: Line): void {
  appendFileSync(variable('FRESHET_EVENTS'), encode(line))
}

function giveUp(message: string): never {
  console.error(message)
  say(failure(new TaskError(message, { retry: false })))
  process.exit(1)
}

function variable(name: string): string {
  const value = process.env[name]
  if (!value) throw new Error(`${name} is not set, as it is for a task`)
  return value
}
