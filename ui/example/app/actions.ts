'use server'

import { redirect } from 'next/navigation'

import { begin, end } from '@/lib/session'

/** Signs in under the name that the form has. */
export async function signIn(form: FormData): Promise<void> {
  const name = String(form.get('name') ?? '').trim().toLowerCase()
  if (!/^[a-z][a-z0-9-]{0,29}$/.test(name)) redirect('/?wrong')
  await begin(name)
  redirect('/reports')
}

export async function signOut(): Promise<void> {
  await end()
  redirect('/')
}
