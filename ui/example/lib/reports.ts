import 'server-only'

import { FreshetError, type Task } from '@freshet/sdk'
import { notFound } from 'next/navigation'
import { cache } from 'react'

import { freshet } from './freshet'
import { requireUser } from './session'

/**
 * A report of who is signed in. The app's key may read every task, so the app looks whose it is: one of
 * somebody else is not found, just like one that is not there.
 */
export const ownReport = cache(async (id: string): Promise<Task<'report'>> => {
  const owner = await requireUser()
  const report = await found(id)
  return report?.owner === owner ? report : notFound()
})

async function found(id: string): Promise<Task<'report'> | undefined> {
  try {
    return await freshet.get('report', id)
  } catch (error) {
    if (error instanceof FreshetError && !error.temporary) return undefined
    throw error
  }
}
