import { appendFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { type Browser, expect, type Page } from '@playwright/test'

import { root, test } from './desk.ts'
import { Guide } from './guide.ts'
import { processesOf } from './machine.ts'

const guide = new Guide(join(root, 'docs/nextjs.md'))
const [running, own] = ['4. Run it', 'A kind of your own']

/** Where the first terminal is when the app starts, and the PATH that it has then. */
let folder = ''
let path = ''

test.describe.configure({ mode: 'serial' })

test.afterEach(async ({ desk }, { errors }) => {
  if (errors.length === 0) return
  const log = await readFile(join(folder, '.freshet/logs/freshet.log'), 'utf8').catch(String)
  console.log(`${desk.first.screen.slice(-3000)}\nThe log of Freshet:\n${log.slice(-3000)}`)
})

test('the commands, from the first to freshet dev', async ({ desk: { first, apiPort } }) => {
  const blocks = guide.blocks('sh')
  expect(blocks.at(-1)).toMatch(/^freshet dev -- /)
  for (const block of blocks.slice(0, -1)) {
    const start = Date.now()
    await first.run(block)
    console.log(`${((Date.now() - start) / 1000).toFixed(1)} s  ${block.trimEnd().split('\n').join('; ')}`)
  }
  folder = (await first.run('pwd')).trim()
  path = (await first.run('printf %s "$PATH"')).trim()
  // Another program of this machine may have port 8080, or 3000, which is why the terminal has a PORT.
  first.start(blocks.at(-1)!.replace('freshet dev', `freshet dev --addr 127.0.0.1:${apiPort}`))
  await expect.poll(() => first.screen).toMatch(/Freshet is ready at .*Ready in /s)
})

/** Opens the page as a new visitor, who takes note of all that goes wrong. */
async function visit(browser: Browser, url: string): Promise<{ page: Page; trouble: string[] }> {
  const context = await browser.newContext({ baseURL: url })
  const trouble: string[] = []
  context.on('weberror', (error) => trouble.push(String(error.error())))
  context.on('console', (message) => message.type() === 'error' && trouble.push(message.text()))
  context.on('response', (response) => response.status() >= 400 && trouble.push(`${response.status()} ${response.url()}`))
  const page = await context.newPage()
  await page.goto(url)
  return { page, trouble }
}

/** What the guide says that the terminal says when the report with this id is complete. */
function told(id: string): RegExp {
  const [says] = guide.words(running, 'webhook ')
  return new RegExp(says!.replace('…', `${id}_\\d+: report`))
}

/** Waits until the bar shows more than that, and returns what it shows. */
async function moved(bar: () => Promise<number>, from: number): Promise<number> {
  let now = from
  await expect.poll(async () => (now = await bar()), { intervals: [100] }).toBeGreaterThan(from)
  return now
}

test('the page: the bar moves, over a reload, and nobody else sees it', async ({ browser, desk }) => {
  const { page, trouble } = await visit(browser, guide.address(running).replace('3000', desk.appPort))
  // Next.js compiles a route when it is asked for the first time, which a busy machine takes longer for than
  // for the report. So it is asked for now.
  expect((await page.request.post('/api/freshet/token')).status(), 'no owner yet').toBe(401)
  const bar = async (): Promise<number> => Number(await page.getByRole('progressbar').getAttribute('value'))
  await page.getByRole('button', { name: 'Write a report' }).click()
  await page.waitForURL(/\?task=/)

  const first = await moved(bar, 0)
  const second = await moved(bar, first)
  const html = await (await page.reload())!.text()
  const rendered = Number(/<progress[^>]* value="(\d+)"/.exec(html)?.[1])
  const third = await moved(bar, rendered)
  console.log(`bar: ${first} ${second} | reload | ${rendered} ${third} …`)
  expect(rendered, 'the server renders what is known').toBeGreaterThanOrEqual(second)
  expect(third, 'the reload was in the middle').toBeLessThan(100)

  const other = await visit(browser, page.url())
  await expect(other.page.getByText('There is no such report.')).toBeVisible()
  await expect(other.page.getByRole('progressbar')).toBeHidden()

  await expect(page.getByRole('status')).toHaveText('completed')
  await expect(page.getByText(/^20 pages/)).toBeVisible()
  expect(await bar()).toBe(100)
  await expect.poll(() => desk.first.screen, 'the webhook').toMatch(told(new URL(page.url()).searchParams.get('task')!))
  expect([...trouble, ...other.trouble]).toEqual([])
  await Promise.all([page, other.page].map((page) => page.context().close()))
})

test('another terminal: what there is, and the same without a page', async ({ desk }) => {
  const terminal = desk.open(folder, path)
  const [list, report, greeting] = guide.words(running, 'freshet ').filter((command) => /^freshet (tasks|submit)/.test(command))
  expect(await terminal.run(list!)).toMatch(/report +completed/)
  const [deliveries] = guide.words('Webhooks', 'freshet deliveries')
  await expect.poll(() => terminal.run(deliveries!)).toMatch(/task\.completed .* delivered .* 204/)
  expect(JSON.parse(ending(await terminal.run(report!)))).toEqual({ pages: 10, words: 83 })
  expect(JSON.parse(ending(await terminal.run(greeting!)))).toBe('Hello, Ada!')
})

test('a kind of your own', async ({ desk }) => {
  const terminal = desk.open(folder, path)
  await appendFile(join(folder, 'freshet.yaml'), guide.blocks('yaml', own)[0]!)
  await expect.poll(() => desk.first.screen).toContain(guide.words(own, 'freshet.yaml reloaded')[0]!)

  const [said] = guide.blocks('console', own)
  const [, command, answer] = /^\$ (.*?)\n(.*)$/s.exec(said!)!
  expect(await terminal.run(command!)).toBe(answer)

  const [code] = guide.blocks('ts', own)
  const [, name] = /^\/\/ (\S+)\n/.exec(code!)!
  await writeFile(join(folder, name!), code!)
  // That a wrong output does not compile is compiled, too.
  const wrong = code!.replace('export default', '// @ts-expect-error\n$&').replace('12.5', "'12.5'")
  expect(wrong).toMatch(/@ts-expect-error.*'12\.5'/s)
  await writeFile(join(folder, 'tasks/wrong.ts'), wrong)
  await terminal.run(guide.words(own, 'npx tsc')[0]!)

  expect(JSON.parse(ending(await terminal.run(guide.words(own, 'freshet submit')[0]!)))).toEqual({ total: 12.5 })
})

test('Ctrl-C ends all of it', async ({ desk }) => {
  await desk.closeOthers()
  const before = processesOf(desk.scratch)
  for (const program of [/freshet dev/, /freshet.* worker/, /postgres/, /next/]) {
    expect(before.filter((args) => program.test(args)), `${program} in ${before.join('\n')}`).not.toEqual([])
  }
  await desk.first.interrupt()
  expect(processesOf(desk.scratch)).toEqual([])
})

/** What a command that follows a task prints last: the output of the task. */
function ending(text: string): string {
  return text.slice(text.search(/^[{"]/m))
}
