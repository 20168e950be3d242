import { defineConfig } from '@playwright/test'

import { chromium } from '../example/test/surroundings.ts'

export default defineConfig({
  testDir: 'test',
  workers: 1,
  timeout: 300_000,
  forbidOnly: !!process.env['CI'],
  expect: { timeout: 60_000 },
  reporter: 'list',
  use: {
    launchOptions: { executablePath: chromium(), args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] },
    trace: 'retain-on-failure',
  },
})
