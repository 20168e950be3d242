import { FreshetError } from '../error.js'
import { createFreshet, type Freshet } from '../freshet.js'
import type { TokenRequest } from '../options.js'
import { serve, type ServeOptions } from '../task/serve.js'
import type { AnyTask } from '../task/definition.js'

/** What the routes do, and for whom. */
export interface FreshetHandlerOptions extends ServeOptions {
  /** Whom the request comes from, as the `owner` of tasks; nothing when nobody is signed in. */
  owner?: (request: Request) => string | null | undefined | Promise<string | null | undefined>
  /** The code of `http` kinds. */
  tasks?: readonly AnyTask[]
  /** The client that tokens are made with; without one, that of the environment. */
  freshet?: Freshet
  /** What a token allows. */
  scopes?: TokenRequest['scopes']
  /** How long a token is good for, `15m` when absent. */
  ttl?: string
}

const json = { 'content-type': 'application/json', 'cache-control': 'no-store' }

/**
 * The routes of Freshet in a Next.js app, for `app/api/freshet/[...path]/route.ts`:
 *
 * - `POST …/token` gives a signed-in user a token with which the browser may watch their tasks
 * - `POST …/tasks/KIND` does the work of an `http` kind
 */
export function createFreshetHandler(options: FreshetHandlerOptions): { POST: (request: Request) => Promise<Response> } {
  const routes = new Map((options.tasks ?? []).map((task) => [task.kind as string, serve(task, options)] as const))
  return {
    POST: async (request) => {
      const { pathname } = new URL(request.url)
      const kind = /\/tasks\/([a-z0-9-]+)\/?$/.exec(pathname)?.[1]
      const route = kind === undefined ? undefined : routes.get(kind)
      if (route) return route(request)
      if (options.owner && /\/token\/?$/.test(pathname)) return grant(request, options)
      return refuse(404, 'not_found', kind === undefined ? 'There is no such route.' : `This app has no task ${kind}.`)
    },
  }
}

async function grant(request: Request, options: FreshetHandlerOptions): Promise<Response> {
  const { owner, freshet = createFreshet(), scopes = ['read'], ttl = '15m' } = options
  const name = await owner?.(request)
  if (!name) return refuse(401, 'unauthorized', 'Sign in first.')
  try {
    return new Response(JSON.stringify(await freshet.createToken({ owner: name, scopes, ttl })), { headers: json })
  } catch (error) {
    // The reason is the app's to know: its key is wrong, or the server is away.
    console.error(error)
    const temporary = !(error instanceof FreshetError) || error.temporary
    return refuse(temporary ? 503 : 500, temporary ? 'unavailable' : 'internal', 'No token could be made.')
  }
}

function refuse(status: number, code: string, detail: string): Response {
  return new Response(JSON.stringify({ status, code, detail }), { status, headers: { ...json, 'content-type': 'application/problem+json' } })
}
