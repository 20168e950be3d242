import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** What the shell prints after each command. */
const prompt = '\0'

/**
 * A terminal with one bash in it, in which one command after another is typed: folder and variables stay.
 * The first command that fails ends the shell, as `set -e` has it.
 */
export class Terminal {
  /** All that it has shown so far. */
  screen = ''

  readonly #shell: ChildProcess
  readonly #ended: Promise<unknown>
  readonly #folder: string
  #output = ''
  #typed = 0

  /** @param folder for its own files */
  constructor(folder: string, cwd: string, env: NodeJS.ProcessEnv) {
    this.#folder = folder
    // A group of its own, as shells in terminals are: Ctrl-C is for all that runs in it.
    this.#shell = spawn('bash', ['--norc', '-e'], { cwd, env, detached: true })
    this.#ended = once(this.#shell, 'close')
    this.#shell.stdin!.on('error', () => {}) // the shell has ended, which the command after it says
    for (const stream of [this.#shell.stdout!, this.#shell.stderr!]) {
      stream.setEncoding('utf8').on('data', (text: string) => (this.screen += text.replaceAll(prompt, '')))
    }
    this.#shell.stdout!.on('data', (text: string) => (this.#output += text))
  }

  /** Types a command, waits for its end, and returns what it wrote to standard output. */
  async run(command: string): Promise<string> {
    this.start(command)
    while (!this.#output.includes(prompt)) {
      const more = await Promise.race([once(this.#shell.stdout!, 'data'), this.#ended.then(() => undefined)])
      if (!more) throw new Error(`it failed: ${command}\n${this.screen.slice(-4000)}`)
    }
    return this.#output.split(prompt)[0]!
  }

  /** Types a command that runs on. */
  start(command: string): void {
    // From a file, or the command might read the next one as its input.
    const file = join(this.#folder, `${this.#shell.pid}-${++this.#typed}.sh`)
    writeFileSync(file, command)
    this.#output = ''
    this.screen += `$ ${command.trimEnd()}\n`
    this.#shell.stdin!.write(`. '${file}' </dev/null\nprintf '\\0'\n`)
  }

  /** Presses Ctrl-C, and closes the terminal when what ran in it has ended. */
  async interrupt(): Promise<void> {
    if (this.#shell.exitCode === null && this.#shell.signalCode === null) process.kill(-this.#shell.pid!, 'SIGINT')
    this.#shell.stdin!.end()
    await this.#ended
  }
}
