import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { parseArgs } from 'node:util'

import { FreshetError } from '../error.js'
import { declaration } from '../generate/declaration.js'
import { kindsOfFile, kindsOfServer, NoServerError } from '../generate/source.js'

const usage = `Usage: freshet-sdk generate [--url URL | --config FILE] [--out FILE] [--check]

Writes the types of your kinds, so that submits and results are checked.

  --url URL      take the kinds from this server (default: FRESHET_URL, else freshet dev in this folder)
  --config FILE  take them from this freshet.yaml
  --out FILE     write this file (default: lib/freshet.gen.ts)
  --check        write nothing; exit with 1 if the file is not as it would be written
`

/** Exit codes: 0 done, 1 the file differs or it failed, 2 usage, 3 no connection or no access. */
async function main(args: string[]): Promise<number> {
  const options = read(args)
  if (!options) return 2
  if (options.help) {
    process.stdout.write(usage)
    return 0
  }
  const { url, config, out, check } = options
  const kinds = config === undefined ? await kindsOfServer(url) : await kindsOfFile(config)
  const text = declaration(kinds)
  const present = await readFile(out, 'utf8').catch(() => undefined)
  if (check) {
    if (present === text) return 0
    console.error(`${out} is not up to date: run freshet-sdk generate`)
    return 1
  }
  if (present !== text) {
    await mkdir(dirname(out), { recursive: true })
    await writeFile(out, text)
  }
  console.log(`${out}: ${kinds.length} ${kinds.length === 1 ? 'kind' : 'kinds'}`)
  return 0
}

interface Options {
  url?: string | undefined
  config?: string | undefined
  out: string
  check: boolean
  help: boolean
}

function read(args: string[]): Options | undefined {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        url: { type: 'string' },
        config: { type: 'string' },
        out: { type: 'string', default: 'lib/freshet.gen.ts' },
        check: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
    if (values.help || (positionals.join() === 'generate' && !(values.url && values.config))) return values
  } catch (error) {
    console.error((error as Error).message)
  }
  process.stderr.write(usage)
  return undefined
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  const access = error instanceof NoServerError || (error instanceof FreshetError && [401, 403].includes(error.status))
  process.exitCode = access ? 3 : 1
}
