import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** The environment of a terminal that somebody just opened: nothing of npm, make and Freshet is in it. */
export function freshEnvironment(): NodeJS.ProcessEnv {
  const theirs = /^(npm_(?!config_(registry|cache|cafile|userconfig|proxy|https_proxy|noproxy)$)|MAKE|MFLAGS|INIT_CWD|NODE_ENV|FORCE_COLOR|FRESHET_|DATABASE_)/i
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !theirs.test(name)))
  const path = env['PATH']!.split(':').filter((folder) => !folder.includes('node_modules'))
  return { ...env, PATH: path.join(':') }
}

/** The processes that run in a folder, or on files of it, by their command lines. */
export function processesOf(folder: string): string[] {
  if (process.platform !== 'linux') {
    return execFileSync('ps', ['-axo', 'args='], { encoding: 'utf8' }).split('\n').filter((args) => args.includes(folder))
  }
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).flatMap((pid) => {
    try {
      const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
      return args.includes(folder) || readlinkSync(`/proc/${pid}/cwd`).startsWith(folder) ? [args] : []
    } catch {
      return [] // it ended meanwhile
    }
  })
}
