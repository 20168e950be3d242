'use server'

import { createFreshet } from '@freshet/sdk'
import { redirect } from 'next/navigation'

import { ownerOrNew } from '@/lib/owner'

/** Where Freshet tells the app how a task ended. APP_URL is where it reaches the app, as in freshet.yaml. */
const webhookUrl = `${process.env.APP_URL ?? 'http://127.0.0.1:3000'}/api/webhooks/freshet`

/** Submits a report for the visitor, and shows it. */
export async function submitReport(form: FormData): Promise<void> {
  const title = String(form.get('title') ?? '').trim() || 'Untitled'
  const { id } = await createFreshet().submit('report', { title, pages: 20 }, { owner: await ownerOrNew(), webhookUrl })
  redirect(`/freshet?task=${id}`)
}
