import { find } from '@/lib/store'

/** What a webhook has told of the report. A real app would send a mail. */
export async function Notice({ id }: { id: string }) {
  const notice = await find('notices', id)
  if (!notice) return null
  return (
    <p className="hint" data-testid="notice">
      The webhook told us: {notice.type} at <time dateTime={notice.at}>{notice.at.slice(11, 19)} UTC</time>
    </p>
  )
}
