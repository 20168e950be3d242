import type { OutputOf } from '@freshet/sdk'
import { task, TaskError } from '@freshet/sdk/task'

import { chart } from './chart'
import { readYear } from './levels'
import { median, spread } from './median'

type Month = OutputOf<'report'>['months'][number]

/** Works through the year month by month, and leaves a chart and a table. */
export default task('report', async ({ input, progress, event, artifact, signal }) => {
  const { gauge, year, resamples = 5_000 } = input
  const byMonth = await readYear(gauge, year)
  if (byMonth.size === 0) {
    throw new TaskError(`There are no readings of this gauge in ${year}.`, { code: 'no_readings', retry: false })
  }
  const months: Month[] = []
  for (const [month, days] of byMonth) {
    const levels = days.map(({ level }) => level)
    const [from, to] = await spread(levels, resamples, (part) => {
      signal.throwIfAborted()
      progress((100 * (months.length + part)) / byMonth.size, `${nameOf(month)} ${year}`)
    })
    const done = { month, typical: cm(median(levels)), from: cm(from), to: cm(to), highest: Math.max(...levels) }
    months.push(done)
    console.log(`${month}: ${days.length} days, typically ${done.typical} m (${done.from} to ${done.to}), at most ${done.highest} m`)
    event('month', done)
  }
  const readings = [...byMonth.values()].flat()
  const highest = readings.reduce((most, reading) => (reading.level > most.level ? reading : most))
  progress(100, 'drawing the chart')
  await artifact('chart.svg', chart(readings, months))
  await artifact('months.csv', csv(months))
  return { months, highest }
})

function nameOf(month: string): string {
  return new Date(`${month}-01`).toLocaleString('en', { month: 'long', timeZone: 'UTC' })
}

function csv(months: readonly Month[]): string {
  return ['month,typical,from,to,highest', ...months.map((month) => Object.values(month).join(','))].join('\n') + '\n'
}

function cm(metres: number): number {
  return Math.round(metres * 100) / 100
}
