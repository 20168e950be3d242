'use server'

import { redirect } from 'next/navigation'

import { freshet, webhookUrl } from '@/lib/freshet'
import { type Gauge, gauges, precisions, titleOf, years } from '@/lib/gauges'
import { ownReport } from '@/lib/reports'
import { requireUser } from '@/lib/session'

/**
 * Submits the report that the form asks for, and shows it. While one with the same key is not at its end,
 * no second is made: a double click, another tab and a form that is sent again all lead to the same page.
 */
export async function submitReport(form: FormData): Promise<void> {
  const owner = await requireUser()
  const input = read(form)
  const { id } = await freshet.submit('report', input, {
    owner,
    metadata: { title: titleOf(input) },
    idempotencyKey: ['report', owner, ...Object.values(input)].join('/'),
    idempotencyScope: 'active',
    webhookUrl,
  })
  redirect(`/reports/${id}`)
}

/** Lets a report of one's own be cancelled. The page sees what comes of it. */
export async function cancelReport(id: string): Promise<void> {
  await ownReport(id)
  await freshet.cancel(id)
}

/** Has a report put into words, by a route of this app. A report is described once, however often one asks. */
export async function describeReport(id: string): Promise<string> {
  const { state, input, output, owner } = await ownReport(id)
  if (state !== 'completed') throw new Error('the report is not ready')
  const task = await freshet.submit('summary', { title: titleOf(input), ...output }, { owner, idempotencyKey: `summary/${id}` })
  return task.id
}

function read(form: FormData) {
  const gauge = form.get('gauge') as Gauge
  const year = years.find((year) => String(year) === form.get('year'))
  if (!Object.hasOwn(gauges, gauge) || !year) throw new Error('the form has other choices')
  return { gauge, year, resamples: form.has('fine') ? precisions.fine : precisions.draft }
}
