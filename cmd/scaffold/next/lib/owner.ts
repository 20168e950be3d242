import { cookies } from 'next/headers'

const name = 'visitor'

/**
 * Whom tasks belong to. A visitor sees the tasks of this owner and no others.
 *
 * Until the app has sign-in, it is a random cookie. When it has, return the id of the session's user
 * here, such as (await auth())?.user?.id, and drop the function below.
 */
export async function owner(): Promise<string | undefined> {
  return (await cookies()).get(name)?.value
}

/** The owner, whom the first submit makes. Only server actions and routes can set a cookie. */
export async function ownerOrNew(): Promise<string> {
  const known = await owner()
  if (known) return known
  const fresh = crypto.randomUUID()
  const secure = process.env.NODE_ENV === 'production'
  ;(await cookies()).set(name, fresh, { httpOnly: true, sameSite: 'lax', secure, path: '/', maxAge: 365 * 24 * 60 * 60 })
  return fresh
}
