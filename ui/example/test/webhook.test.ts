import { createHmac, randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'

import { expect, order, test } from './app'

const route = '/api/webhooks/freshet'

/** A message of Freshet's about the end of a task, as Standard Webhooks has it signed. */
async function message(taskId: string) {
  const secret = (await readFile('.data/test/webhook-secret', 'utf8')).trim().replace('whsec_', '')
  const at = new Date().toISOString()
  const data = JSON.stringify({ type: 'task.completed', taskId, seq: 9, attempt: 1, at, data: { task: { id: taskId } } })
  const [id, timestamp] = [randomUUID(), String(Math.floor(Date.now() / 1000))]
  const signature = createHmac('sha256', Buffer.from(secret, 'base64')).update(`${id}.${timestamp}.${data}`).digest('base64')
  return { data, headers: { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}`, 'content-type': 'application/json' } }
}

test('a message of the end is believed, and a changed one is not', async ({ visit, request }) => {
  const { page } = await visit('jana')
  const id = await order(page, {})
  await expect(page.getByText('Ready')).toBeVisible()
  const { data, headers } = await message(id)

  expect((await request.post(route, { headers, data: data.replace('completed', 'failed') })).status()).toBe(400)
  expect((await request.post(route, { data })).status(), 'without a signature').toBe(400)
  await page.reload()
  await expect(page.getByText('Ready')).toBeVisible()
  await expect(page.getByTestId('notice')).toBeHidden()

  expect((await request.post(route, { headers, data })).ok()).toBe(true)
  await page.reload()
  await expect(page.getByTestId('notice')).toContainText('The webhook told us: task.completed')
})
