import { createHmac, randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'

import type { Page } from '@playwright/test'

import { expect, order, test } from './app'

const route = '/api/webhooks/freshet'

/** Loads the page of a report again until it says what a webhook told of it. */
async function notice(page: Page): Promise<string> {
  const said = page.getByTestId('notice')
  await expect(async () => {
    await page.reload()
    await expect(said).toBeVisible({ timeout: 1_000 })
  }).toPass({ timeout: 30_000 })
  return said.innerText()
}

test('Freshet tells the app how a report ended', async ({ visit }) => {
  const { page } = await visit('jana')
  await order(page, {})
  await expect(page.getByText('Ready')).toBeVisible()
  expect(await notice(page)).toMatch(/^The webhook told us: task\.completed at \d\d:\d\d:\d\d UTC$/)
  await order(page, { gauge: 'Old Weir', year: '2024' })
  await expect(page.getByText('✕ Failed')).toBeVisible()
  expect(await notice(page)).toContain('task.failed')
})

/** A message as Freshet would send it of the failure of a task. */
async function message(taskId: string) {
  const secret = (await readFile('.data/test/webhook-secret', 'utf8')).trim().replace('whsec_', '')
  const at = new Date().toISOString()
  const data = JSON.stringify({ type: 'task.failed', taskId, seq: 9, attempt: 1, at, data: { task: { id: taskId } } })
  const [id, timestamp] = [randomUUID(), String(Math.floor(Date.now() / 1000))]
  const signature = createHmac('sha256', Buffer.from(secret, 'base64')).update(`${id}.${timestamp}.${data}`).digest('base64')
  return { data, headers: { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}`, 'content-type': 'application/json' } }
}

test('a message that is not from Freshet is not believed', async ({ visit, request }) => {
  const { page } = await visit('mona')
  const id = await order(page, {})
  await expect(page.getByText('Ready')).toBeVisible()
  const told = await notice(page)
  const { data, headers } = await message(id)

  expect((await request.post(route, { headers, data: data.replace('failed', 'cancelled') })).status(), 'changed').toBe(400)
  expect((await request.post(route, { data })).status(), 'without a signature').toBe(400)
  expect(await notice(page)).toBe(told)

  expect((await request.post(route, { headers, data })).ok(), 'with the right secret').toBe(true)
  expect(await notice(page)).toContain('task.failed')
})
