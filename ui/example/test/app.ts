import { expect, type Page, test as base } from '@playwright/test'

/** A person at a browser of their own. */
export interface Visitor {
  page: Page
  /** What went wrong in their pages so far: errors of scripts, and answers of 400 and above. */
  trouble: string[]
}

interface Fixtures {
  /** Signs somebody in. At the end of the test, nothing may have gone wrong that it has not taken note of. */
  visit: (name: string) => Promise<Visitor>
}

export { expect }

export const test = base.extend<Fixtures>({
  visit: async ({ browser, baseURL }, use) => {
    const visitors: Visitor[] = []
    await use(async (name) => {
      const context = await browser.newContext({ baseURL })
      const trouble: string[] = []
      context.on('weberror', (error) => trouble.push(String(error.error())))
      context.on('console', (message) => message.type() === 'error' && trouble.push(message.text()))
      context.on('response', (response) => response.status() >= 400 && trouble.push(`${response.status()} ${new URL(response.url()).pathname}`))
      const page = await context.newPage()
      visitors.push({ page, trouble })
      await page.goto('/')
      await page.getByLabel('Your name').fill(name)
      await page.getByRole('button', { name: 'Sign in' }).click()
      await expect(page.getByRole('heading', { name: 'Your reports' })).toBeVisible()
      return visitors.at(-1)!
    })
    for (const { page, trouble } of visitors) {
      await page.context().close()
      expect(trouble).toEqual([])
    }
  },
})

/** What is asked for. */
export interface Order {
  gauge?: string
  year?: string
  fine?: boolean
}

/** Fills the form in, and returns its button. */
export async function fill(page: Page, { gauge = 'Millbrook', year = '2025', fine = false }: Order) {
  await page.getByLabel('Gauge').selectOption(gauge)
  await page.getByLabel('Year').selectOption(year)
  await page.getByLabel('Fine').setChecked(fine)
  return page.getByRole('button', { name: 'Make report' })
}

/** Orders a report. Returns its id when its page is there. */
export async function order(page: Page, choice: Order): Promise<string> {
  await page.goto('/reports')
  await (await fill(page, choice)).click()
  await page.waitForURL(/\/reports\/[0-9a-f-]{36}$/)
  return page.url().split('/').at(-1)!
}
