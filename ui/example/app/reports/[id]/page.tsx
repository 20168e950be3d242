import type { Metadata } from 'next'
import Link from 'next/link'

import { Notice } from './notice'
import { Report } from './report'
import { titleOf } from '@/lib/gauges'
import { ownReport } from '@/lib/reports'

export async function generateMetadata({ params }: PageProps<'/reports/[id]'>): Promise<Metadata> {
  return { title: titleOf((await ownReport((await params).id)).input) }
}

/** The page is rendered with the task as it is now, and goes on live from there. */
export default async function ReportPage({ params }: PageProps<'/reports/[id]'>) {
  const report = await ownReport((await params).id)
  return (
    <>
      <p className="crumb">
        <Link href="/reports">Your reports</Link>
      </p>
      <h1>{titleOf(report.input)}</h1>
      <Report initial={report} />
      <Notice id={report.id} />
    </>
  )
}
