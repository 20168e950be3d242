import type { Metadata } from 'next'

import { submitReport } from './actions'
import { ReportList } from './list'
import { gauges, years } from '@/lib/gauges'

export const metadata: Metadata = { title: 'Your reports' }

export default function Reports() {
  return (
    <>
      <h1>Your reports</h1>
      <form action={submitReport} className="card order">
        <label>
          Gauge
          <select name="gauge">
            {Object.entries(gauges).map(([gauge, name]) => (
              <option key={gauge} value={gauge}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <label>
          Year
          <select name="year">
            {years.map((year) => (
              <option key={year}>{year}</option>
            ))}
          </select>
        </label>
        <label className="check">
          <input type="checkbox" name="fine" defaultChecked /> Fine, but slower
        </label>
        <button>Make report</button>
      </form>
      <ReportList />
    </>
  )
}
