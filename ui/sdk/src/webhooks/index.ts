export {
  createWebhookHandler,
  type Delivery,
  type EndpointEvent,
  type WebhookEvent,
  type WebhookHandlers,
  type WebhookTask,
} from './handler.js'
export { SignatureError, verify } from './signature.js'
