import { readFile } from 'node:fs/promises'

/** The level of the river on one day. */
export interface Reading {
  /** Such as 2025-03-14. */
  date: string
  /** In metres. */
  level: number
}

/** The readings of a gauge in a year, by month, such as 2025-03. Months without readings are not there. */
export async function readYear(gauge: string, year: number): Promise<Map<string, Reading[]>> {
  const csv = await readFile(new URL(`../data/${gauge}.csv`, import.meta.url), 'utf8')
  const months = new Map<string, Reading[]>()
  for (const line of csv.trim().split('\n').slice(1)) {
    const day = reading(line)
    const month = day.date.slice(0, 7)
    if (month.startsWith(`${year}-`)) months.set(month, [...(months.get(month) ?? []), day])
  }
  return months
}

function reading(line: string): Reading {
  const [date = '', level] = line.split(',')
  return { date, level: Number(level) }
}
