import { notFound } from 'next/navigation'

import { freshet } from '@/lib/freshet'
import { ownReport } from '@/lib/reports'

/**
 * A file that the task left. Freshet's own address of it is good for five minutes and always a download;
 * this one stays, is only for who owns the report, and may be shown in the page.
 */
export async function GET(_: Request, { params }: RouteContext<'/reports/[id]/files/[name]'>): Promise<Response> {
  const { id, name } = await params
  const report = await ownReport(id)
  const file = (await freshet.artifacts(report.id)).find((artifact) => artifact.name === name)
  if (!file) notFound()
  const { ok, body, status } = await fetch(file.url)
  if (!ok) throw new Error(`Freshet answered ${status} for ${name}`)
  return new Response(body, {
    headers: {
      'content-type': file.contentType,
      'content-length': String(file.size),
      'cache-control': 'private, max-age=3600',
      // An SVG can hold a script.
      'content-security-policy': "sandbox; default-src 'none'; style-src 'unsafe-inline'",
      'x-content-type-options': 'nosniff',
    },
  })
}
