import { TaskError } from './error.js'

/** One thing that a task says to Freshet. */
export type Line =
  | { progress: number; message?: string }
  | { event: string; data?: unknown }
  | { output: unknown }
  | { alive: true }
  | { error: { message: string; code?: string; detail?: string; retry?: boolean; retryAfter?: string } }

const maxBytes = 64 << 10
const maxResultBytes = 1 << 20

/** The line as it is written. A line that Freshet would not take is an error. */
export function encode(line: Line): string {
  const text = JSON.stringify(line)
  const most = 'output' in line || 'error' in line ? maxResultBytes : maxBytes
  const bytes = new TextEncoder().encode(text).length
  if (bytes > most) {
    throw new TaskError(`${Object.keys(line)[0]} has ${bytes} bytes, more than the ${most} that it may have`, { retry: false })
  }
  return text + '\n'
}

/** Says why the task failed. */
export function failure(thrown: unknown): Line {
  const message = (thrown instanceof Error ? thrown.message || thrown.name : String(thrown)) || 'it failed'
  if (!(thrown instanceof TaskError)) return { error: { message } }
  const { code, detail, retry, retryAfter } = thrown
  return {
    error: {
      message,
      ...(code !== undefined && { code }),
      ...(detail !== undefined && { detail: typeof detail === 'string' ? detail : JSON.stringify(detail) }),
      ...(retry !== undefined && { retry }),
      ...(retryAfter !== undefined && { retryAfter }),
    },
  }
}
