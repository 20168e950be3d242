'use client'

import { useTasks } from '@freshet/sdk/react'
import Link from 'next/link'

import { Bar } from './bar'
import { State } from './state'

/** The newest reports of who is signed in, as they are now. */
export function ReportList() {
  const { tasks, error } = useTasks({ kind: 'report', limit: 20 })
  if (error) return <p role="alert">{error.message}</p>
  if (!tasks) return <p className="hint">Looking for your reports…</p>
  if (tasks.length === 0) return <p className="hint">There are none yet.</p>
  return (
    <ul className="reports">
      {tasks.map((task) => (
        <li key={task.id}>
          <Link href={`/reports/${task.id}`} prefetch={false}>
            {String((task.metadata as { title?: string })?.title ?? task.id)}
          </Link>
          <time dateTime={task.createdAt}>{new Date(task.createdAt).toLocaleTimeString()}</time>
          <State task={task} />
          {task.state === 'running' && <Bar percent={task.progress} label="Progress" />}
        </li>
      ))}
    </ul>
  )
}
