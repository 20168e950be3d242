import type { OutputOf } from '@freshet/sdk'

import type { Reading } from './levels'

type Months = OutputOf<'report'>['months']

const width = 720
const height = 300
const left = 48
const bottom = 28

const style = `
text { fill: #4a5f69 } .grid { stroke: #d5e0e5 } .band { fill: #e8a33d; opacity: .55 }
.level { fill: none; stroke: #0b6e8a; stroke-width: 2; stroke-linejoin: round }
@media (prefers-color-scheme: dark) { text { fill: #9db2bc } .grid { stroke: #2a3a42 } .level { stroke: #4cb8d6 } }`

/** The year as an SVG: the level of each day, and the range of each month's typical level. */
export function chart(readings: readonly Reading[], months: Months): string {
  const top = Math.ceil(Math.max(...readings.map(({ level }) => level)) * 2) / 2
  const x = (day: number): number => left + (day / readings.length) * (width - left)
  const y = (level: number): number => (height - bottom) * (1 - level / top) + 8 * (level / top)
  const metres = Array.from({ length: Math.floor(top) + 1 }, (_, i) => i)
  const line = readings.map(({ level }, day) => `${round(x(day))},${round(y(level))}`).join(' ')
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="16">
<style>${style}</style>
${metres.map((metre) => grid(y(metre), `${metre} m`)).join('\n')}
${months.map((month) => band(month, readings, x, y)).join('\n')}
<polyline points="${line}" class="level"/>
</svg>
`
}

function grid(y: number, label: string): string {
  return `<path d="M${left} ${round(y)}H${width}" class="grid"/><text x="${left - 8}" y="${round(y + 5)}" text-anchor="end">${label}</text>`
}

function band({ month, from, to }: Months[number], readings: readonly Reading[], x: (day: number) => number, y: (level: number) => number): string {
  const first = readings.findIndex(({ date }) => date.startsWith(month))
  const last = readings.findLastIndex(({ date }) => date.startsWith(month)) + 1
  const wide = x(last) - x(first)
  const name = new Date(`${month}-01`).toLocaleString('en', { month: 'short', timeZone: 'UTC' })
  return [
    `<rect x="${round(x(first) + 2)}" y="${round(y(to))}" width="${round(wide - 4)}" height="${round(Math.max(3, y(from) - y(to)))}" class="band"/>`,
    `<text x="${round(x(first) + wide / 2)}" y="${height - 6}" text-anchor="middle">${name}</text>`,
  ].join('')
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
