import type { Envelope, Lifecycle } from '../event.js'
import type { KindName, OutputOf } from '../register.js'
import type { TaskSummary } from '../task.js'
import { secretOr } from './secret.js'
import { SignatureError, verify } from './signature.js'

/** The state in which a task is when its end is told. */
interface Ends {
  'task.completed': 'completed'
  'task.failed': 'failed'
  'task.cancelled': 'cancelled'
}

/**
 * The task as it was when that happened which a webhook tells: without its input. The output of a
 * completed one is in `output`, or where `outputUrl` says when it is large.
 */
export type WebhookTask<K extends KindName = KindName> = K extends unknown
  ? TaskSummary<K> & { output?: OutputOf<K>; outputUrl?: string }
  : never

/** What a webhook tells of a task. */
export type WebhookEvent<K extends KindName = KindName, Type extends Lifecycle = Lifecycle> = Envelope<
  Type,
  { task: WebhookTask<K> & (Type extends keyof Ends ? { state: Ends[Type] } : unknown) }
>

/** An endpoint that was made for webhooks. */
interface Endpoint {
  id: string
  url: string
}

/** What a webhook tells of an endpoint: that somebody tests this one, or that another one was disabled. */
export type EndpointEvent =
  | { type: 'endpoint.test'; at: string; data: { endpoint: Endpoint } }
  | { type: 'endpoint.disabled'; at: string; data: { endpoint: Endpoint; reason: string } }

/** Of one delivery. */
export interface Delivery {
  /** The same each time that this message is sent: keep it, and pass over what you have seen. */
  id: string
  request: Request
}

type Listener<Event> = (event: Event, delivery: Delivery) => unknown

/** What to do when. An event without a function is accepted and passed over. */
export type WebhookHandlers = { [Type in keyof Ends]?: Listener<WebhookEvent<KindName, Type>> } & {
  /** Any other event, by its `type`. A newer server may send types that are not listed here. */
  other?: Listener<WebhookEvent<KindName, Exclude<Lifecycle, keyof Ends>> | EndpointEvent>
  /** What the messages are signed with, `FRESHET_WEBHOOK_SECRET` when absent; two while it is being replaced. */
  secret?: string | readonly string[]
}

/** All that is told, by its `type`. */
type Told = EndpointEvent | { [Type in Lifecycle]: WebhookEvent<KindName, Type> }[Lifecycle]

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
      await tell(handlers, JSON.parse(body), { id, request })
      return new Response(null, { status: 204 })
    },
  }
}

function tell(handlers: WebhookHandlers, event: Told, delivery: Delivery): unknown {
  switch (event.type) {
    case 'task.completed':
      return handlers['task.completed']?.(event, delivery)
    case 'task.failed':
      return handlers['task.failed']?.(event, delivery)
    case 'task.cancelled':
      return handlers['task.cancelled']?.(event, delivery)
    default:
      return handlers.other?.(event, delivery)
  }
}
