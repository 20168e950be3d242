import 'server-only'

import { randomUUID } from 'node:crypto'
import { cookies, headers } from 'next/headers'
import { redirect } from 'next/navigation'
import { cache } from 'react'

import { drop, find, keep } from './store'

// Whoever says a name is believed. A real app has its own sign-in, and takes the user from there: that is
// all that Freshet wants to know of it.

const cookie = 'session'
const week = 7 * 24 * 60 * 60

/** The name of who is signed in; nothing when nobody is. */
export const user = cache(async (): Promise<string | undefined> => {
  const session = (await cookies()).get(cookie)
  return (await find('sessions', session?.value))?.user
})

/** The name of who is signed in. Others are sent to the first page. */
export async function requireUser(): Promise<string> {
  return (await user()) ?? redirect('/')
}

/** Begins a session under a random id, which scripts of the page cannot read. */
export async function begin(name: string): Promise<void> {
  const id = randomUUID()
  await keep('sessions', id, { user: name })
  const secure = (await headers()).get('x-forwarded-proto') === 'https'
  ;(await cookies()).set(cookie, id, { httpOnly: true, sameSite: 'lax', secure, path: '/', maxAge: week })
}

/** Ends the session. */
export async function end(): Promise<void> {
  const jar = await cookies()
  const id = jar.get(cookie)?.value
  if (await find('sessions', id)) await drop('sessions', id!)
  jar.delete(cookie)
}
