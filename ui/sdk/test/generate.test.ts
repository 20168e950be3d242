import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'

import { declaration } from '../src/generate/declaration.js'
import { SchemaTypes, type Schema } from '../src/generate/schema.js'
import { json, refuse, serve } from './server.js'

const program = fileURLToPath(new URL('../src/bin/main.js', import.meta.url))

const schemas: [schema: Schema, type: string][] = [
  [true, 'unknown'],
  [false, 'never'],
  [{}, 'unknown'],
  [{ type: 'integer' }, 'number'],
  [{ type: ['string', 'null'] }, 'string | null'],
  [{ const: 'a' }, '"a"'],
  [{ enum: ['a', 1, null, true] }, '"a" | 1 | null | true'],
  [{ type: 'array' }, 'unknown[]'],
  [{ items: { type: ['string', 'number'] } }, '(string | number)[]'],
  [{ type: 'array', prefixItems: [{ type: 'string' }], items: false }, '[string]'],
  [{ type: 'array', prefixItems: [{ type: 'string' }], items: { type: 'null' } }, '[string, ...null[]]'],
  [{ type: 'object' }, 'Record<string, unknown>'],
  [{ type: 'object', additionalProperties: false }, 'Record<string, never>'],
  [{ type: 'object', additionalProperties: { type: 'number' } }, 'Record<string, number>'],
  [{ properties: { 'a-b': {}, c: { type: 'null' } }, required: ['c'] }, '{\n  "a-b"?: unknown\n  c: null\n}'],
  [{ properties: { a: {} }, additionalProperties: true }, '{\n  a?: unknown\n  [key: string]: unknown\n}'],
  [{ properties: { a: { description: 'x */ y\nz' } } }, '{\n  /**\n   * x *\\/ y\n   * z\n   */\n  a?: unknown\n}'],
  [{ anyOf: [{ type: 'string' }, { type: 'number' }] }, 'string | number'],
  [{ oneOf: [{ type: 'string' }, {}] }, 'unknown'],
  [{ allOf: [{ properties: { a: {} } }, { anyOf: [{ type: 'string' }, { type: 'null' }] }] }, '{\n  a?: unknown\n} & (string | null)'],
  [{ $ref: '#/$defs/a~1b', $defs: { 'a/b': { type: 'string' } } }, 'XAB'],
  [{ $ref: 'https://example.com/other.json' }, 'unknown'],
  [{ $ref: '#/$defs/none' }, 'unknown'],
]

for (const [schema, type] of schemas) {
  test(`the type of ${JSON.stringify(schema)}`, () => assert.equal(new SchemaTypes(schema, 'X').whole(''), type))
}

test('a schema that holds itself', () => {
  const types = new SchemaTypes({ $ref: '#/$defs/tree', $defs: { tree: { properties: { children: { items: { $ref: '#/$defs/tree' } } } } } }, 'In')
  assert.equal(types.whole(''), 'InTree')
  assert.deepEqual([...types.declarations], [['InTree', '{\n  children?: InTree[]\n}']])
})

test('without kinds nothing is allowed, and the file still compiles', () => {
  assert.match(declaration([]), /interface Register \{\n    kinds: \{\n    \}/)
})

/** Runs the program in a folder of its own. */
async function run(t: TestContext, args: string[], env: Record<string, string> = {}, cwd = folder(t)) {
  const child = spawn(process.execPath, [program, ...args], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  child.stdout.on('data', (chunk) => (output += chunk))
  child.stderr.on('data', (chunk) => (output += chunk))
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  return { code, output, cwd }
}

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'freshet-sdk-'))
  t.after(() => rmSync(path, { recursive: true }))
  return path
}

test('the kinds of a server are written, and checked', async (t) => {
  const items = [{ name: 'report', pool: 'default', input: { type: 'object', properties: { month: { type: 'integer' } } } }]
  const { url, requests } = await serve(t, json({ items }))
  const env = { FRESHET_URL: url, FRESHET_API_KEY: 'key' }
  const { code, output, cwd } = await run(t, ['generate'], env)
  assert.deepEqual({ code, output }, { code: 0, output: 'lib/freshet.gen.ts: 1 kind\n' })
  assert.match(readFileSync(join(cwd, 'lib/freshet.gen.ts'), 'utf8'), /report: \{\n        input: \{\n          month\?: number\n/)
  assert.equal(requests[0]?.headers.authorization, 'Bearer key')
  assert.equal((await run(t, ['generate', '--check'], env, cwd)).code, 0)
  writeFileSync(join(cwd, 'lib/freshet.gen.ts'), 'old')
  const stale = await run(t, ['generate', '--check'], env, cwd)
  assert.equal(stale.code, 1)
  assert.match(stale.output, /not up to date/)
  assert.equal(readFileSync(join(cwd, 'lib/freshet.gen.ts'), 'utf8'), 'old')
})

test('exit codes', async (t) => {
  const { url } = await serve(t, refuse(401, 'unauthorized'))
  const codes: [number, string[], Record<string, string>?][] = [
    [0, ['--help']],
    [2, []],
    [2, ['generate', '--nonsense']],
    [2, ['generate', '--url', 'x', '--config', 'y']],
    [3, ['generate']],
    [3, ['generate', '--url', url], { FRESHET_API_KEY: 'wrong' }],
    [3, ['generate', '--url', 'http://127.0.0.1:1'], { FRESHET_API_KEY: 'any' }],
    [1, ['generate', '--config', 'nowhere.yaml']],
  ]
  for (const [code, args, env] of codes) assert.equal((await run(t, args, env)).code, code, args.join(' '))
})
