import { expect, order, test } from './app'

const server = `http://127.0.0.1:${process.env.EXAMPLE_API_PORT}`

test('a report of somebody else is not found', async ({ visit }) => {
  const frida = await visit('frida')
  const id = await order(frida.page, {})
  await expect(frida.page.getByText('Ready')).toBeVisible()

  const { page, trouble } = await visit('gerd')
  await expect(page.getByText('There are none yet.')).toBeVisible()
  expect((await page.goto(`/reports/${id}`))!.status()).toBe(404)
  await expect(page.getByRole('heading', { name: 'Not found' })).toBeVisible()
  expect(await page.content()).not.toContain('Millbrook')
  expect((await page.request.get(`/reports/${id}/files/chart.svg`)).status()).toBe(404)
  expect(trouble.splice(0)).toEqual([`404 /reports/${id}`, expect.stringContaining('status of 404')])
})

test("a user's token reads their own tasks, and nothing else", async ({ visit, request }) => {
  const { page } = await visit('hanna')
  const id = await order(page, {})
  const authorized = async (name: string) => {
    const { token } = await (await (await visit(name)).page.request.post('/api/freshet/token')).json()
    return { headers: { authorization: `Bearer ${token}` } }
  }
  const [own, foreign] = [await authorized('hanna'), await authorized('irma')]
  const address = `${server}/v1/tasks/${id}`
  expect((await request.get(address, own)).status()).toBe(200)
  for (const path of ['', '/stream', '/logs', '/artifacts']) {
    expect((await request.get(address + path, foreign)).status(), path).toBe(403)
  }
  expect((await (await request.get(`${server}/v1/tasks`, foreign)).json()).items).toEqual([])
  expect((await request.post(`${address}/cancel`, own)).status(), 'reading is all it does').toBe(403)
  expect((await request.post(`${server}/v1/tasks`, { ...own, data: { kind: 'report' } })).status()).toBe(403)
})

test('who is not signed in is shown the door', async ({ page, request }) => {
  expect((await request.post('/api/freshet/token')).status()).toBe(401)
  await page.goto('/reports')
  await expect(page.getByLabel('Your name')).toBeVisible()
})
