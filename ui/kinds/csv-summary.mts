// A task written in TypeScript: what is in the columns of a CSV table?
//
// A task needs no library. Its input is a JSON file, FRESHET_INPUT. What it has to say goes, one
// JSON object a line, into the file FRESHET_EVENTS: progress, and at the end its output or its
// error. Every file that it leaves in the folder FRESHET_ARTIFACTS is kept with the task.
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

interface Input {
  csv?: string
  file?: string
  delimiter?: string
}

type Column = { name: string; empty: number } & (
  | { type: 'number'; min: number; max: number; mean: number }
  | { type: 'text'; distinct: number }
  | { type: 'empty' }
)

interface Output {
  rows: number
  columns: Column[]
}

function main(): void {
  try {
    const input = JSON.parse(readFileSync(variable('FRESHET_INPUT'), 'utf8')) as Input
    const output = summarise(input)
    writeFileSync(join(variable('FRESHET_ARTIFACTS'), 'summary.html'), page(output))
    report({ progress: 100, message: 'done' })
    report({ output })
  } catch (cause) {
    // The same table fails the same way again, so no second try is wanted.
    const message = cause instanceof Error ? cause.message : String(cause)
    console.error(message)
    report({ error: { code: 'bad_table', message, retry: false } })
    process.exitCode = 1
  }
}

function variable(name: string): string {
  const value = process.env[name]
  if (!value) throw new Error(`${name} is not set: run this as a task, or with "freshet run"`)
  return value
}

function report(line: object): void {
  appendFileSync(variable('FRESHET_EVENTS'), JSON.stringify(line) + '\n')
}

function summarise({ csv, file, delimiter = ',' }: Input): Output {
  report({ progress: 0, message: 'reading the table' })
  const text = csv ?? readFileSync(file ?? '', 'utf8')
  const [header, ...rows] = records(text.replace(/^\uFEFF/, ''), delimiter)
  if (!header) throw new Error('the table is empty: its first line must name the columns')
  rows.forEach((row, i) => {
    if (row.length === header.length) return
    throw new Error(`record ${i + 2} has ${row.length} fields where the header has ${header.length}`)
  })
  const columns = header.map((name, i) => {
    report({ progress: Math.round((90 * (i + 1)) / header.length), message: `column ${name}` })
    const column = describe(name, rows.map((row) => row[i] ?? ''))
    console.log(`${name}: ${column.type}`)
    return column
  })
  return { rows: rows.length, columns }
}

// records reads RFC 4180: a quoted field may hold delimiters, line ends and doubled quotes.
// Blank lines are skipped.
function* records(text: string, delimiter: string): Generator<string[]> {
  let record: string[] = []
  let field = ''
  let quoted = false
  for (let i = 0; i < text.length; i++) {
    const char = text[i]
    if (quoted) {
      if (char !== '"') field += char
      else if (text[i + 1] === '"') field += text[i++]
      else quoted = false
    } else if (char === '"' && field === '') {
      quoted = true
    } else if (char === delimiter) {
      record.push(field)
      field = ''
    } else if (char === '\n') {
      if (record.length > 0 || field !== '') yield [...record, field]
      record = []
      field = ''
    } else if (char !== '\r' || text[i + 1] !== '\n') {
      field += char
    }
  }
  if (quoted) throw new Error('a quoted field is not closed')
  if (record.length > 0 || field !== '') yield [...record, field]
}

function describe(name: string, cells: string[]): Column {
  const values = cells.filter((cell) => cell.trim() !== '')
  const empty = cells.length - values.length
  if (values.length === 0) return { name, empty, type: 'empty' }
  // A leading zero marks a code, such as a postcode, not a number.
  const numeric = values.every((value) => /^-?(0|[1-9]\d*)(\.\d+)?(e[+-]?\d{1,2})?$/i.test(value.trim()))
  if (!numeric) return { name, empty, type: 'text', distinct: new Set(values).size }
  let [min, max, sum] = [Infinity, -Infinity, 0]
  for (const value of values.map(Number)) {
    min = Math.min(min, value)
    max = Math.max(max, value)
    sum += value
  }
  return { name, empty, type: 'number', min, max, mean: sum / values.length }
}

function page({ rows, columns }: Output): string {
  const escape = (text: string) => text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`)
  const said = (column: Column) => {
    if (column.type === 'number') return `${column.min} to ${column.max}, mean ${column.mean}`
    return column.type === 'text' ? `${column.distinct} distinct values` : 'no values'
  }
  const lines = columns.map((c) => `<tr><td>${escape(c.name)}<td>${c.type}<td>${c.empty}<td>${said(c)}`)
  return `<!doctype html>
<meta charset="utf-8">
<title>Summary of a table</title>
<style>body { font: 16px/1.5 system-ui; margin: 3rem } td, th { padding: .3rem 1rem; text-align: left }</style>
<h1>Rows: ${rows}</h1>
<table>
<tr><th>column<th>type<th>empty<th>values
${lines.join('\n')}
</table>
`
}

main()
