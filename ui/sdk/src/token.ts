import { refusal } from './error.js'

/**
 * What a request is allowed by: an API key on a server, a read token in a browser. A function is asked
 * before every request, and once more with `refresh` when the server refused what it gave.
 */
export type Token = string | ((request: { refresh: boolean }) => string | Promise<string>)

interface Granted {
  token: string
  /** RFC 3339. */
  expiresAt?: string
}

/** A token is not used any more in the last seconds of its life, in milliseconds. */
const margin = 30_000

/**
 * Takes read tokens from a route of your own app, the token route of `@freshet/sdk/next`, and keeps
 * each until shortly before its end.
 *
 * @param url address of the route, for example `/api/freshet/token`
 */
export function tokenFrom(url: string, send: typeof fetch = (...request) => fetch(...request)): Token {
  let granted: Promise<Granted> | undefined
  let until = 0
  const ask = async (): Promise<Granted> => {
    const response = await send(url, { method: 'POST', headers: { accept: 'application/json' } })
    if (!response.ok) throw await refusal(response)
    const grant = (await response.json()) as Granted
    until = grant.expiresAt ? Date.parse(grant.expiresAt) - margin : Infinity
    return grant
  }
  return async ({ refresh }) => {
    if (refresh || !granted || Date.now() >= until) {
      until = Infinity
      granted = ask()
      granted.catch(() => (granted = undefined))
    }
    return (await granted).token
  }
}
