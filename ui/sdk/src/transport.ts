import type { Token } from './token.js'

/** Sends requests to one server, each with a token. */
export class Transport {
  readonly #url: string | undefined
  readonly #token: Token | undefined
  readonly #send: typeof fetch

  constructor(options: { url?: string; token?: Token; fetch?: typeof fetch }) {
    this.#url = options.url
    this.#token = options.token
    this.#send = options.fetch ?? ((...request) => fetch(...request))
  }

  /** Address of the server, without a slash at its end. It is asked for late: builds have no environment. */
  get url(): string {
    const url = this.#url ?? environment('FRESHET_URL')
    if (url === undefined) throw new Error('no server is known: give createFreshet a url, or set FRESHET_URL')
    if (!/^(https?:\/\/|\/)/.test(url)) throw new Error(`the server's address must begin with https://, http:// or /, not be ${url}`)
    return url.replace(/\/+$/, '')
  }

  /** Sends a request as it is allowed to. A refused token is asked for anew, once. */
  readonly send = async (request: Request): Promise<Response> => {
    if (typeof this.#token !== 'function') return this.#authorised(request, false)
    const response = await this.#authorised(request.clone(), false)
    if (response.status !== 401) return response
    await response.body?.cancel()
    return this.#authorised(request, true)
  }

  async #authorised(request: Request, refresh: boolean): Promise<Response> {
    const token = this.#token ?? environment('FRESHET_API_KEY')
    const value = typeof token === 'function' ? await token({ refresh }) : token
    if (value) request.headers.set('authorization', `Bearer ${value}`)
    return this.#send(request)
  }
}

function environment(name: string): string | undefined {
  return globalThis.process?.env?.[name] || undefined
}
