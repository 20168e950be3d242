import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'

import { listKinds } from '../api/sdk.js'
import { problem } from '../error.js'
import { Freshet } from '../freshet.js'
import type { KindSchemas } from './declaration.js'
import type { Schema } from './schema.js'

/** No server is known, or none answers. */
export class NoServerError extends Error {}

/** The kinds of a server: the one given, else that of the environment, else that of `freshet dev` here. */
export async function kindsOfServer(given: string | undefined): Promise<KindSchemas[]> {
  const url = given ?? process.env['FRESHET_URL'] ?? (await devFile('url'))
  const key = process.env['FRESHET_API_KEY'] ?? (await devFile('api-key'))
  if (!url) throw new NoServerError('no server is known: run freshet dev in this folder, set FRESHET_URL, or pass --url or --config')
  if (!key) throw new NoServerError('no API key is known: set FRESHET_API_KEY')
  const { data, error, response } = await listKinds({ client: new Freshet({ url, token: key }).http })
  if (data) return data.items as KindSchemas[]
  if (response) throw problem(response, error)
  throw new NoServerError(`${url} does not answer`, { cause: error })
}

async function devFile(name: string): Promise<string | undefined> {
  try {
    return (await readFile(resolve('.freshet', name), 'utf8')).trim()
  } catch {
    return undefined
  }
}

/** The kinds of a freshet.yaml. */
export async function kindsOfFile(path: string): Promise<KindSchemas[]> {
  const { parse } = await yaml()
  const config = parse(await readFile(path, 'utf8')) as { kinds?: Record<string, unknown>[] } | null
  const kinds = config?.kinds ?? []
  return Promise.all(
    kinds.map(async ({ name, description, input, output }) => ({
      name: String(name),
      ...(typeof description === 'string' && { description }),
      ...(input !== undefined && { input: await schema(path, input) }),
      ...(output !== undefined && { output: await schema(path, output) }),
    })),
  )
}

/** A schema stands in the file itself, or is the path of a JSON file. */
async function schema(config: string, value: unknown): Promise<Schema> {
  if (typeof value !== 'string') return value as Schema
  return JSON.parse(await readFile(resolve(dirname(config), value), 'utf8')) as Schema
}

async function yaml(): Promise<typeof import('yaml')> {
  try {
    return await import('yaml')
  } catch (cause) {
    throw new Error('--config needs the package yaml: npm install --save-dev yaml', { cause })
  }
}
