import { expect, fill, test } from './app'

test('a double click makes one report', async ({ visit }) => {
  const { page } = await visit('dora')
  await (await fill(page, { fine: true })).dblclick()
  await page.waitForURL(/\/reports\/[0-9a-f-]{36}$/)
  await page.getByRole('button', { name: 'Cancel' }).click()
  await page.goto('/reports')
  await expect(page.getByRole('listitem')).toHaveCount(1)
})

test('two tabs that ask for the same report share it', async ({ visit }) => {
  const { page } = await visit('edda')
  const other = await page.context().newPage()
  await other.goto('/reports')
  const buttons = await Promise.all([fill(page, { fine: true }), fill(other, { fine: true })])
  await Promise.all(buttons.map((button) => button.click()))
  await Promise.all([page, other].map((tab) => tab.waitForURL(/\/reports\/[0-9a-f-]{36}$/)))
  expect(page.url()).toBe(other.url())
  await page.getByRole('button', { name: 'Cancel' }).click()
  await expect(other.getByText('It was cancelled')).toBeVisible()
})
