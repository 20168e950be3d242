import { FreshetError } from './error.js'
import type { KindName } from './register.js'

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** One task, and of which kind it must be. */
export interface Target {
  id: string
  kind?: KindName | undefined
}

/** Reads the arguments `(id, options?)` or `(kind, id, options?)`. */
export function target<O>(args: readonly unknown[]): { id: string | undefined; kind: KindName | undefined; options: O | undefined } {
  const [first, second, third] = args
  if (typeof second === 'string' || third !== undefined || (typeof first === 'string' && !second && !uuid.test(first))) {
    return { kind: first as KindName, id: (second as string) || undefined, options: third as O | undefined }
  }
  return { kind: undefined, id: (first as string) || undefined, options: (second as O) ?? undefined }
}

/** Throws unless the task is of the kind that its types were promised for. */
export function mustBe(kind: KindName | undefined, task: { id: string; kind: string }): void {
  if (kind === undefined || task.kind === kind) return
  throw new FreshetError({
    status: 0,
    code: 'wrong_kind',
    message: `task ${task.id} is a ${task.kind}, not a ${kind}`,
  })
}
