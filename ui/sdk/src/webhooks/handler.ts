import type { KindName, OutputOf } from '../register.js'
import type { TaskSummary } from '../task.js'
import { secretOr } from './secret.js'
import { SignatureError, verify } from './signature.js'

type Ending = 'task.completed' | 'task.failed' | 'task.cancelled'

/** The task as a webhook tells it: without its input, and with its output unless that is large. */
export type WebhookTask<K extends KindName = KindName> = K extends unknown
  ? TaskSummary<K> & { output?: OutputOf<K>; outputUrl?: string }
  : never

/** What a webhook tells. */
export interface WebhookEvent<K extends KindName = KindName> {
  type: string
  taskId: string
  seq: number
  attempt?: number
  /** RFC 3339, UTC. */
  at: string
  data: { task: WebhookTask<K> }
}

/** Of one delivery. */
export interface Delivery {
  /** The same each time that this message is sent: keep it, and pass over what you have seen. */
  id: string
  request: Request
}

type Listener = (event: WebhookEvent, delivery: Delivery) => unknown

/** What to do when. An event without a function is accepted and passed over. */
export type WebhookHandlers = { [Type in Ending]?: Listener } & {
  /** Any other event, by its `type`. */
  other?: Listener
  /** The endpoint's secret, `FRESHET_WEBHOOK_SECRET` when absent; two while it is being replaced. */
  secret?: string | readonly string[]
}

const maxBytes = 1 << 20

/**
 * A route for Freshet's webhooks: `export const { POST } = createWebhookHandler({ … })`. A message that
 * is not Freshet's is refused with 400. What a function throws, the framework answers with 500, and the
 * message is sent again.
 */
export function createWebhookHandler(handlers: WebhookHandlers): { POST: (request: Request) => Promise<Response> } {
  return {
    POST: async (request) => {
      const body = await request.text()
      if (body.length > maxBytes) return new Response('too large', { status: 413 })
      let id: string
      try {
        id = await verify(secretOr(handlers.secret), request.headers, body)
      } catch (error) {
        if (error instanceof SignatureError) return new Response(error.message, { status: 400 })
        throw error
      }
      const event = JSON.parse(body) as WebhookEvent
      await listener(handlers, event.type)?.(event, { id, request })
      return new Response(null, { status: 204 })
    },
  }
}

function listener(handlers: WebhookHandlers, type: string): Listener | undefined {
  switch (type) {
    case 'task.completed':
    case 'task.failed':
    case 'task.cancelled':
      return handlers[type]
    default:
      return handlers.other
  }
}
