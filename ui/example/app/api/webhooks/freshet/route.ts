import { createWebhookHandler, type WebhookEvent } from '@freshet/sdk/webhooks'

import { keep } from '@/lib/store'

/** A message may come twice: writing the same note again changes nothing. */
function note({ taskId, type, at }: WebhookEvent): Promise<void> {
  return keep('notices', taskId, { type, at })
}

export const { POST } = createWebhookHandler({
  'task.completed': note,
  'task.failed': note,
  'task.cancelled': note,
})
