import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { declaration } from '../src/generate/declaration.js'
import { kindsOfFile } from '../src/generate/source.js'

// "freshet init --next" writes these files; the program embeds them.
const written = (name: string) => fileURLToPath(new URL(`../../../../cmd/scaffold/next/${name}`, import.meta.url))

test('the types that freshet init --next writes are those of its freshet.yaml', async () => {
  const types = declaration(await kindsOfFile(written('freshet.yaml')))
  assert.equal(readFileSync(written('lib/freshet.gen.ts'), 'utf8'), types)
})
