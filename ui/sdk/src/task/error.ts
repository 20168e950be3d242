/** How a task fails when its own code decides that. */
export interface TaskErrorOptions {
  /** One word for programs; the task shows it as `error.userCode`. */
  code?: string
  /** More about it: text, or what is shown as JSON. */
  detail?: unknown
  /** `false` when trying again is of no use. */
  retry?: boolean
  /** Before the next try, instead of the kind's backoff: a duration such as `30s`. */
  retryAfter?: string
  cause?: unknown
}

/** Thrown by a task, it says why the attempt failed, and whether another one makes sense. */
export class TaskError extends Error {
  override readonly name = 'TaskError'
  readonly code: string | undefined
  readonly detail: unknown
  readonly retry: boolean | undefined
  readonly retryAfter: string | undefined

  constructor(message: string, { code, detail, retry, retryAfter, cause }: TaskErrorOptions = {}) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.detail = detail
    this.retry = retry
    this.retryAfter = retryAfter
  }
}
