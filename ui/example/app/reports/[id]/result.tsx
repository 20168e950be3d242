import type { EndedTask } from '@freshet/sdk'

import { Words } from './words'
import { titleOf } from '@/lib/gauges'

type Completed = Extract<EndedTask<'report'>, { state: 'completed' }>

/** What came of a report: its figures, and the files that the task left. */
export function Result({ task: { id, input, output } }: { task: Completed }) {
  const { months, highest } = output
  const files = `/reports/${id}/files`
  return (
    <section className="card">
      <p>
        The river stood highest on <b>{dayOf(highest.date)}</b>, at <b>{highest.level.toFixed(2)} m</b>.
      </p>
      <Words id={id} />
      <img src={`${files}/chart.svg`} width={720} height={300} alt={`Level of the river at ${titleOf(input)}, day by day`} />
      <p className="hint">The line is the level of each day. The bars, and the range in the table, are where the typical level of a month lies, at nine in ten. In metres.</p>
      <div className="scroll" tabIndex={0} role="region" aria-label="Table of the months">
        <table>
          <thead>
            <tr>
              <th>Month</th>
              <th>Typical</th>
              <th>Range</th>
              <th>Highest</th>
            </tr>
          </thead>
          <tbody>
            {months.map(({ month, typical, from, to, highest }) => (
              <tr key={month}>
                <th>{monthOf(month)}</th>
                <td>{typical.toFixed(2)}</td>
                <td>
                  {from.toFixed(2)} – {to.toFixed(2)}
                </td>
                <td>{highest.toFixed(2)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p>
        <a href={`${files}/months.csv`} download>
          Download the table
        </a>
      </p>
    </section>
  )
}

function dayOf(date: string): string {
  return new Date(date).toLocaleDateString('en-GB', { day: 'numeric', month: 'long', timeZone: 'UTC' })
}

function monthOf(month: string): string {
  return new Date(`${month}-01`).toLocaleDateString('en', { month: 'short', timeZone: 'UTC' })
}
