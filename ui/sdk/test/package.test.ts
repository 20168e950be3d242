import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = new URL('../../', import.meta.url)
const { bin, exports, dependencies } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as {
  bin: Record<string, string>
  exports: Record<string, { default: string }>
  dependencies: Record<string, string>
}

/** All that an entry point imports from elsewhere, directly or not. */
function imports(entry: string): string[] {
  const seen = new Set<string>()
  const foreign = new Set<string>()
  const visit = (file: URL): void => {
    if (seen.has(file.href)) return
    seen.add(file.href)
    for (const [, name = ''] of readFileSync(file, 'utf8').matchAll(/^(?:import|export)\s(?:[^'"();]*\sfrom\s)?['"]([^'"]+)['"]/gm)) {
      if (name.startsWith('.')) visit(new URL(name, file))
      else foreign.add(name)
    }
  }
  visit(new URL(exports[entry]?.default ?? '', root))
  return [...foreign].sort()
}

const entries: [string, string[]][] = [
  ['.', ['eventsource-parser']],
  ['./react', ['eventsource-parser', 'react']],
  ['./webhooks', []],
  ['./task', ['node:fs', 'node:fs/promises', 'node:path']],
  ['./next', ['eventsource-parser']],
]

for (const [entry, foreign] of entries) {
  test(`${entry} imports nothing that its place does not have`, () => assert.deepEqual(imports(entry), foreign))
}

test('the hooks are client code, and there is one dependency', () => {
  assert.match(readFileSync(new URL(exports['./react']?.default ?? '', root), 'utf8'), /^'use client'/)
  assert.deepEqual(Object.keys(dependencies), ['eventsource-parser'])
})

test('the package can be imported by its names', async () => {
  const names = await Promise.all(Object.keys(exports).filter((name) => !name.endsWith('json')).map(async (name) => [name, Object.keys(await import(name.replace('.', '@freshet/sdk')))]))
  assert.deepEqual(names, [
    ['.', ['Freshet', 'FreshetError', 'createFreshet', 'isEnded', 'tokenFrom']],
    ['./react', ['FreshetProvider', 'useFreshet', 'useSubmit', 'useTask', 'useTaskLogs', 'useTasks']],
    ['./task', ['TaskError', 'serve', 'task']],
    ['./next', ['createFreshetHandler']],
    ['./webhooks', ['SignatureError', 'createWebhookHandler', 'verify']],
  ])
})

test('its program can be started as it is', () => {
  const program = fileURLToPath(new URL(bin['freshet-sdk'] ?? '', root))
  assert.match(execFileSync(program, ['--help'], { encoding: 'utf8' }), /^Usage: freshet-sdk generate/)
})
