import { createWebhookHandler } from '@freshet/sdk/webhooks'

// Freshet tells how tasks end, signed with FRESHET_WEBHOOK_SECRET. A message may come more than once:
// its id stays the same.
export const { POST } = createWebhookHandler({
  'task.completed': ({ data: { task } }, { id }) => console.log(`webhook ${id}: ${task.kind} completed`),
  'task.failed': ({ data: { task } }, { id }) => console.log(`webhook ${id}: ${task.kind} failed: ${task.error.message}`),
})
