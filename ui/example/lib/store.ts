import { randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** What the app itself remembers. A real app has a database. */
interface Shelves {
  sessions: { user: string }
  notices: { type: string; at: string }
}

const folder = process.env.APP_DATA ?? '.data'
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** Reads what was kept under an id; nothing when nothing was. */
export async function find<S extends keyof Shelves>(shelf: S, id: string | undefined): Promise<Shelves[S] | undefined> {
  if (!id || !uuid.test(id)) return undefined
  try {
    return JSON.parse(await readFile(file(shelf, id), 'utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Keeps a value under an id, in place of what was there. */
export async function keep<S extends keyof Shelves>(shelf: S, id: string, value: Shelves[S]): Promise<void> {
  const path = file(shelf, id)
  const fresh = `${path}.${randomUUID()}`
  await mkdir(dirname(path), { recursive: true })
  await writeFile(fresh, JSON.stringify(value), { mode: 0o600 })
  await rename(fresh, path)
}

/** Forgets what was kept under an id. */
export async function drop(shelf: keyof Shelves, id: string): Promise<void> {
  await rm(file(shelf, id), { force: true })
}

function file(shelf: keyof Shelves, id: string): string {
  if (!uuid.test(id)) throw new Error(`${id} is no id`)
  return join(/* turbopackIgnore: true */ folder, shelf, id)
}
