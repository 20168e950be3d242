import { expect, order, test } from './app'

/** Notes every value that a progress bar of the page shows, in the browser. */
function noteBars(): void {
  const seen: number[] = []
  Object.assign(window, { seen })
  const look = (): void => {
    const value = document.querySelector('main [role=progressbar]')?.getAttribute('aria-valuenow')
    if (value != null && Number(value) !== seen.at(-1)) seen.push(Number(value))
  }
  new MutationObserver(look).observe(document, { subtree: true, childList: true, attributes: true })
}

function rising(values: number[]): boolean {
  return values.every((value, i) => i === 0 || value > values[i - 1]!)
}

test('a report is watched to its end, over a reload in the middle', async ({ visit }) => {
  const { page } = await visit('ada')
  const bars = (): Promise<number[]> => page.evaluate('window.seen')
  await page.addInitScript(noteBars)
  const id = await order(page, { fine: true })
  await expect.poll(async () => (await bars()).length, { intervals: [50] }).toBeGreaterThan(3)
  await expect(page.getByText('live')).toBeVisible()

  const before = await bars()
  const html = await (await page.reload())!.text()
  const rendered = Number(/role="progressbar"[^>]*aria-valuenow="(\d+)"/.exec(html)?.[1])
  expect(rendered, 'the server renders what is known').toBeGreaterThanOrEqual(before.at(-1)!)
  await expect.poll(async () => (await bars()).length, { intervals: [50] }).toBeGreaterThan(2)
  const after = await bars()
  await expect(page.getByText('Ready')).toBeVisible({ timeout: 60_000 })

  console.log(`bar: ${before.join(' ')} | reload | ${after.join(' ')} …`)
  expect(rising(before), before.join(' ')).toBe(true)
  expect(rising(after), after.join(' ')).toBe(true)
  expect(after[0]).toBeGreaterThanOrEqual(before.at(-1)!)

  await expect(page.getByText('16 February')).toBeVisible()
  await expect(page.getByRole('row')).toHaveCount(13)
  await expect(page.locator('pre span')).toHaveText([...Array(12).keys()].map((i) => new RegExp(`^2025-${String(i + 1).padStart(2, '0')}: `)))
  const chart = page.getByRole('img', { name: 'Level of the river at Millbrook, 2025' })
  expect(await chart.evaluate((img: HTMLImageElement) => img.decode().then(() => img.naturalWidth))).toBe(720)
  const download = page.waitForEvent('download')
  await page.getByRole('link', { name: 'Download the table' }).click()
  const table = await (await download).createReadStream()
  expect((await table.toArray()).join('')).toMatch(/^month,typical,from,to,highest\n2025-01,/)
  await page.goto('/reports')
  await expect(page.getByRole('listitem')).toHaveText([/Millbrook, 2025.*Ready/])
  expect(await page.getByRole('link', { name: 'Millbrook, 2025' }).getAttribute('href')).toBe(`/reports/${id}`)
})

test('a report that fails says why', async ({ visit }) => {
  const { page } = await visit('berta')
  await order(page, { gauge: 'Old Weir', year: '2024' })
  await expect(page.getByText('✕ Failed')).toBeVisible()
  await expect(page.locator('main').getByRole('alert')).toHaveText('There are no readings of this gauge in 2024.')
})

test('a report is cancelled, and its list knows at once', async ({ visit }) => {
  const { page } = await visit('cleo')
  const list = await page.context().newPage()
  await list.goto('/reports')
  await expect(list.getByText('There are none yet.')).toBeVisible()
  await order(page, { gauge: 'Ferry Steps', fine: true })
  await expect(list.getByRole('listitem')).toHaveText([/Ferry Steps, 2025.*Running/])
  await page.getByRole('button', { name: 'Cancel' }).click()
  await expect(page.getByText(/^It was cancelled at \d+ %/)).toBeVisible()
  await expect(list.getByRole('listitem')).toHaveText([/Ferry Steps, 2025.*Cancelled/])
})

test('a route of the app does the work of a kind', async ({ visit }) => {
  const { page } = await visit('lena')
  await order(page, {})
  await page.getByRole('button', { name: 'Say it in words' }).click()
  await expect(page.getByTestId('words')).toHaveText(/^Millbrook, 2025: the river was low in \w+, .* came in February\.$/)
})
