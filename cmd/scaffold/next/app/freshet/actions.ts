'use server'

import { createFreshet } from '@freshet/sdk'
import { redirect } from 'next/navigation'

import { ownerOrNew } from '@/lib/owner'

/** Submits a report for the visitor, and shows it. */
export async function submitReport(form: FormData): Promise<void> {
  const title = String(form.get('title') ?? '').trim() || 'Untitled'
  const { id } = await createFreshet().submit('report', { title, pages: 20 }, { owner: await ownerOrNew() })
  redirect(`/freshet?task=${id}`)
}
