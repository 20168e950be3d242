import { execFileSync } from 'node:child_process'
import { createServer } from 'node:net'
import { resolve } from 'node:path'

/** A port that nothing listens on. */
export function freePort(): Promise<string> {
  return new Promise((give, fail) => {
    const server = createServer().once('error', fail)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => give(String(typeof address === 'object' && address?.port)))
    })
  })
}

/** Path of the browser of this machine: none is ever downloaded. */
export function chromium(): string {
  const path = process.env.CHROMIUM_PATH ?? find('chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable')
  if (!path) throw new Error('there is no Chromium: install it, or set CHROMIUM_PATH')
  return path
}

/** Path of the freshet program: FRESHET_BIN, else the one of this source tree, built now. */
export function freshet(): string {
  if (!process.env.FRESHET_BIN) {
    const root = resolve('../..')
    process.env.FRESHET_BIN = resolve(root, 'bin/freshet-test')
    execFileSync('go', ['build', '-o', process.env.FRESHET_BIN, '.'], { cwd: root, stdio: 'inherit' })
  }
  return process.env.FRESHET_BIN
}

function find(...names: string[]): string | undefined {
  const script = names.map((name) => `command -v ${name}`).join(' || ')
  try {
    return execFileSync('sh', ['-c', script], { encoding: 'utf8' }).trim()
  } catch {
    return undefined
  }
}
