import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

import { test as base } from '@playwright/test'

import { freePort } from '../../example/test/surroundings.ts'
import { freshEnvironment } from './machine.ts'
import { Terminal } from './terminal.ts'

/** Where the folder of this repository is. */
export const root = resolve('../..')

/** Somebody's desk: a terminal in the folder of this repository, and more of them when they are needed. */
export class Desk {
  /** All that is made is made in here, and goes with it. */
  readonly scratch = mkdtempSync(join(realpathSync(tmpdir()), 'freshet-quickstart-'))
  readonly first: Terminal
  readonly #env: NodeJS.ProcessEnv
  readonly #others: Terminal[] = []

  /** @param appPort where the app will listen; @param apiPort where Freshet will */
  constructor(readonly appPort: string, readonly apiPort: string) {
    this.#env = { ...freshEnvironment(), TMPDIR: this.scratch, PORT: appPort, APP_URL: `http://127.0.0.1:${appPort}` }
    this.first = new Terminal(this.scratch, root, this.#env)
  }

  /** Opens another terminal, with the PATH of the first. */
  open(folder: string, path: string): Terminal {
    this.#others.push(new Terminal(this.scratch, folder, { ...this.#env, PATH: path }))
    return this.#others.at(-1)!
  }

  /** Closes all terminals but the first. */
  async closeOthers(): Promise<void> {
    await Promise.all(this.#others.splice(0).map((terminal) => terminal.interrupt()))
  }

  /** Closes all terminals, and leaves nothing. */
  async leave(): Promise<void> {
    await this.closeOthers()
    await this.first.interrupt()
    rmSync(this.scratch, { recursive: true, force: true })
  }
}

export const test = base.extend<object, { desk: Desk }>({
  desk: [
    async ({}, use) => {
      const desk = new Desk(await freePort(), await freePort())
      await use(desk)
      await desk.leave()
    },
    { scope: 'worker', timeout: 60_000 },
  ],
})
