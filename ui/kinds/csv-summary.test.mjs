// @ts-check
// The compiled program is run as a worker runs it: input, events and artifacts are files.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('../../cmd/builtin/files/csv-summary.mjs', import.meta.url))

/** @param {object} input */
function run(input) {
  const folder = mkdtempSync(join(tmpdir(), 'csv-summary-'))
  try {
    const env = {
      FRESHET_INPUT: join(folder, 'input.json'),
      FRESHET_EVENTS: join(folder, 'events'),
      FRESHET_ARTIFACTS: folder,
    }
    writeFileSync(env.FRESHET_INPUT, JSON.stringify(input))
    writeFileSync(env.FRESHET_EVENTS, '')
    const child = spawnSync(process.execPath, [program], { env, cwd: folder, encoding: 'utf8' })
    const lines = readFileSync(env.FRESHET_EVENTS, 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line))
    const page = child.status === 0 ? readFileSync(join(folder, 'summary.html'), 'utf8') : ''
    return { status: child.status, lines, last: lines.at(-1), stdout: child.stdout, stderr: child.stderr, page }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** @type {{name: string, input: object, output: object}[]} */
const tables = [
  {
    name: 'numbers and text',
    input: { csv: 'city,people\nOslo,700000\nBergen,290000\nOslo,\n' },
    output: {
      rows: 3,
      columns: [
        { name: 'city', empty: 0, type: 'text', distinct: 2 },
        { name: 'people', empty: 1, type: 'number', min: 290000, max: 700000, mean: 495000 },
      ],
    },
  },
  {
    name: 'quotes hold delimiters, line ends and quotes',
    input: { csv: 'a,b\r\n"x, ""y""\r\nz",1\r\n"",2\r\n' },
    output: {
      rows: 2,
      columns: [
        { name: 'a', empty: 1, type: 'text', distinct: 1 },
        { name: 'b', empty: 0, type: 'number', min: 1, max: 2, mean: 1.5 },
      ],
    },
  },
  {
    name: 'another delimiter, no last line end, a byte order mark',
    input: { csv: '\uFEFFx;y\n-1.5e1;a,b', delimiter: ';' },
    output: {
      rows: 1,
      columns: [
        { name: 'x', empty: 0, type: 'number', min: -15, max: -15, mean: -15 },
        { name: 'y', empty: 0, type: 'text', distinct: 1 },
      ],
    },
  },
  {
    name: 'a leading zero is a code',
    input: { csv: 'postcode\n01234\n10115\n' },
    output: { rows: 2, columns: [{ name: 'postcode', empty: 0, type: 'text', distinct: 2 }] },
  },
  {
    name: 'a header alone',
    input: { csv: 'a,b\n' },
    output: {
      rows: 0,
      columns: [
        { name: 'a', empty: 0, type: 'empty' },
        { name: 'b', empty: 0, type: 'empty' },
      ],
    },
  },
]

for (const { name, input, output } of tables) {
  test(name, () => {
    const result = run(input)
    assert.equal(result.status, 0, result.stderr)
    assert.deepEqual(result.last, { output })
    const progress = result.lines.flatMap((line) => ('progress' in line ? [line.progress] : []))
    assert.equal(progress.at(-1), 100)
    assert.deepEqual(progress, [...progress].sort((a, b) => a - b))
  })
}

/** @type {{name: string, input: object, message: RegExp}[]} */
const failures = [
  { name: 'an open quote', input: { csv: 'a\n"b' }, message: /quoted field is not closed/ },
  { name: 'a ragged record', input: { csv: 'a,b\n1,2\n1,2,3\n' }, message: /record 3 has 3 fields where the header has 2/ },
  { name: 'nothing at all', input: { csv: '' }, message: /the table is empty/ },
  { name: 'a missing file', input: { file: 'nowhere.csv' }, message: /nowhere\.csv/ },
]

for (const { name, input, message } of failures) {
  test(`${name} is said once, and not tried again`, () => {
    const result = run(input)
    assert.equal(result.status, 1)
    assert.equal(result.last.error.code, 'bad_table')
    assert.equal(result.last.error.retry, false)
    assert.match(result.last.error.message, message)
    assert.match(result.stderr, message)
  })
}

test('a file is read, and a value that looks like HTML stays text', () => {
  const folder = mkdtempSync(join(tmpdir(), 'csv-table-'))
  try {
    const file = join(folder, 'table.csv')
    writeFileSync(file, '<b>x</b>\n1\n')
    const result = run({ file })
    assert.equal(result.last.output.columns[0].name, '<b>x</b>')
    assert.ok(!result.page.includes('<b>'))
    assert.ok(result.page.includes('Rows: 1'))
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('a large table takes a moment, not a minute', { timeout: 30_000 }, () => {
  const csv = 'n,parity\n' + Array.from({ length: 50_000 }, (_, i) => `${i},${i % 2 ? 'odd' : 'even'}\n`).join('')
  assert.deepEqual(run({ csv }).last.output, {
    rows: 50_000,
    columns: [
      { name: 'n', empty: 0, type: 'number', min: 0, max: 49_999, mean: 24_999.5 },
      { name: 'parity', empty: 0, type: 'text', distinct: 2 },
    ],
  })
})
