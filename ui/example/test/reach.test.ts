import AxeBuilder from '@axe-core/playwright'
import type { Page } from '@playwright/test'

import { expect, order, test } from './app'

/** What a machine can tell of who is left out, in light and in dark, and on a small screen. */
async function check(page: Page): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    const { violations } = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21aa']).analyze()
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join()}`)).toEqual([])
  }
  await page.setViewportSize({ width: 320, height: 640 })
  expect(await page.evaluate('document.documentElement.scrollWidth'), 'nothing hangs over').toBeLessThanOrEqual(320)
}

test('the pages leave nobody out', async ({ visit, page: stranger }) => {
  await stranger.goto('/')
  await check(stranger)
  const { page } = await visit('kira')
  await order(page, {})
  await expect(page.getByText('Ready')).toBeVisible()
  await check(page)
  await page.goto('/reports')
  await expect(page.getByRole('listitem')).toHaveCount(1)
  await check(page)
})
