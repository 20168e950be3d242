import { redirect } from 'next/navigation'

import { signIn } from './actions'
import { user } from '@/lib/session'

export default async function Home({ searchParams }: PageProps<'/'>) {
  if (await user()) redirect('/reports')
  const wrong = 'wrong' in (await searchParams)
  return (
    <section className="welcome">
      <h1>How high did the river stand?</h1>
      <p>Highwater works through a year of readings and tells you, month by month. It takes a few seconds; you can watch.</p>
      <form action={signIn} className="card">
        <label>
          Your name
          <input name="name" required maxLength={30} pattern="[A-Za-z][A-Za-z0-9\-]*" autoComplete="username" aria-describedby="hint" />
        </label>
        <button>Sign in</button>
        <p id="hint" className={wrong ? 'wrong' : 'hint'}>
          {wrong ? 'A name is letters, digits and hyphens.' : 'Any name will do: this is an example, and has no passwords.'}
        </p>
      </form>
    </section>
  )
}
