import './globals.css'

import type { Metadata, Viewport } from 'next'
import Link from 'next/link'

import { signOut } from './actions'
import { user } from '@/lib/session'

export const metadata: Metadata = {
  title: { default: 'Highwater', template: '%s · Highwater' },
  description: 'Yearly reports of how high the river stood.',
}

export const viewport: Viewport = { colorScheme: 'light dark' }

export default async function Layout({ children }: LayoutProps<'/'>) {
  const name = await user()
  return (
    <html lang="en">
      <body>
        <header className="top">
          <Link href="/" className="brand">
            <svg viewBox="0 0 32 32" aria-hidden="true">
              <path d="M3 12q6.5-6 13 0t13 0M3 20q6.5-6 13 0t13 0" />
            </svg>
            Highwater
          </Link>
          {name && (
            <form action={signOut}>
              <span className="name">{name}</span>
              <button className="quiet">Sign out</button>
            </form>
          )}
        </header>
        <main>{children}</main>
      </body>
    </html>
  )
}
