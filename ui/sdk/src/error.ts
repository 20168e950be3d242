import type { Fault, Problem } from './api/types.js'

/** What is known of a refusal. */
export interface Refusal {
  /** Status of the response; 0 when the refusal is the SDK's own. */
  status: number
  /** One word for programs, as in the table of error codes. */
  code: string
  message: string
  /** The places in the request that are wrong. */
  errors?: Fault[]
  /** Under which the server's log knows the request. */
  requestId?: string
  /** Seconds after which to try again. */
  retryAfter?: number
}

/** The server refused, or what it answered cannot be used. Look at `code`. */
export class FreshetError extends Error {
  override readonly name = 'FreshetError'
  readonly status: number
  readonly code: string
  readonly errors: Fault[]
  readonly requestId: string | undefined
  readonly retryAfter: number | undefined

  constructor({ status, code, message, errors = [], requestId, retryAfter }: Refusal) {
    super(message)
    this.status = status
    this.code = code
    this.errors = errors
    this.requestId = requestId
    this.retryAfter = retryAfter
  }

  /** Whether the same request may succeed later. */
  get temporary(): boolean {
    return this.status === 408 || this.status === 429 || this.status >= 500
  }
}

/** Reads a problem from a response that is not a success. */
export async function refusal(response: Response): Promise<FreshetError> {
  let body: unknown
  try {
    body = await response.json()
  } catch {
    // Not every proxy in between knows problems: the status alone has to do.
  }
  return problem(response, body)
}

/** Makes the error of a response whose body was already read. */
export function problem(response: Response, body: unknown): FreshetError {
  const told = (typeof body === 'object' && body !== null ? body : {}) as Partial<Problem>
  const { status } = response
  return new FreshetError({
    status,
    code: told.code ?? `http_${status}`,
    message: told.detail ?? told.title ?? `${response.url || 'the server'} answered ${status} ${response.statusText}`.trim(),
    errors: told.errors ?? [],
    requestId: told.requestId ?? response.headers.get('x-request-id') ?? undefined,
    retryAfter: seconds(response.headers.get('retry-after')),
  })
}

/** Retry-After is a number of seconds or a date. */
function seconds(header: string | null): number | undefined {
  if (!header) return undefined
  const value = Number(header)
  if (Number.isFinite(value)) return Math.max(0, value)
  const date = Date.parse(header)
  return Number.isNaN(date) ? undefined : Math.max(0, (date - Date.now()) / 1000)
}
