import { defineConfig } from '@playwright/test'

import { chromium, freePort, freshet } from './test/surroundings'

// The workers of the test read this file too, and must come to the same.
const app = (process.env.EXAMPLE_PORT ??= await freePort())
const api = (process.env.EXAMPLE_API_PORT ??= await freePort())
const url = `http://127.0.0.1:${app}`

export default defineConfig({
  testDir: 'test',
  workers: 1,
  timeout: 120_000,
  forbidOnly: !!process.env.CI,
  expect: { timeout: 20_000 },
  reporter: 'list',
  use: {
    baseURL: url,
    launchOptions: { executablePath: chromium(), args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] },
    trace: 'retain-on-failure',
  },
  webServer: {
    command: `${freshet()} dev --addr 127.0.0.1:${api} --data .data/test --reset -- npm run start -- --hostname 127.0.0.1 --port ${app}`,
    url,
    env: { APP_URL: url, APP_DATA: '.data/test/app', NEXT_TELEMETRY_DISABLED: '1' },
    timeout: 120_000,
    gracefulShutdown: { signal: 'SIGTERM', timeout: 20_000 },
    stdout: 'ignore',
    stderr: 'pipe',
  },
})
