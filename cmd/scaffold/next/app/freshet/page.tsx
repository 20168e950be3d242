import { createFreshet, type Task } from '@freshet/sdk'
import { Suspense } from 'react'

import { owner } from '@/lib/owner'

import { submitReport } from './actions'
import './freshet.css'
import { LiveReport } from './live'

interface Props {
  searchParams: Promise<{ task?: string | string[] }>
}

/** A form that submits a task, and below it the task that the address names, live. */
export default function Page({ searchParams }: Props) {
  return (
    <main className="freshet">
      <h1>Reports</h1>
      <form action={submitReport}>
        <input name="title" defaultValue="The first one" aria-label="Title" required maxLength={100} />
        <button>Write a report</button>
      </form>
      <Suspense fallback={<p>Looking…</p>}>
        <Named searchParams={searchParams} />
      </Suspense>
    </main>
  )
}

async function Named({ searchParams }: Props) {
  const { task: id } = await searchParams
  const url = process.env.FRESHET_URL
  if (!url) return <p role="alert">Start the app with: freshet dev -- npm run dev</p>
  if (typeof id !== 'string') return null
  const task = await find(id)
  return task ? <LiveReport key={task.id} url={url} task={task} /> : <p>There is no such report.</p>
}

/** The task, if it is the visitor's: the server's key may read all. */
async function find(id: string): Promise<Task<'report'> | undefined> {
  const visitor = await owner()
  if (!visitor) return undefined
  try {
    const task = await createFreshet().get('report', id)
    return task.owner === visitor ? task : undefined
  } catch (error) {
    console.error(error)
    return undefined
  }
}
