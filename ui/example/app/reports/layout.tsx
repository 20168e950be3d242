import { FreshetProvider } from '@freshet/sdk/react'

import { requireUser } from '@/lib/session'

/** Lets the pages below watch the tasks of who is signed in, with tokens from this app's own route. */
export default async function Layout({ children }: LayoutProps<'/reports'>) {
  await requireUser()
  // Browsers may know the server under another address than this one does.
  const url = process.env.FRESHET_PUBLIC_URL ?? process.env.FRESHET_URL
  return (
    <FreshetProvider url={url} tokenUrl="/api/freshet/token">
      {children}
    </FreshetProvider>
  )
}
