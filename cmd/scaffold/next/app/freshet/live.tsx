'use client'

import type { Task } from '@freshet/sdk'
import { FreshetProvider, useTask } from '@freshet/sdk/react'

interface Props {
  /** Where the browser reaches Freshet. */
  url: string
  /** The task as the server knew it; from there on it is followed live. */
  task: Task<'report'>
}

export function LiveReport({ url, task }: Props) {
  return (
    <FreshetProvider url={url} tokenUrl="/api/freshet/token">
      <Report first={task} />
    </FreshetProvider>
  )
}

function Report({ first }: { first: Task<'report'> }) {
  const { task = first, error } = useTask('report', first.id, { initialTask: first })
  return (
    <section>
      <h2>{task.input.title}</h2>
      <progress value={task.progress} max={100} aria-label="Progress" />
      <p className="line">
        <strong role="status">{task.state}</strong>
        <span>{news(task)}</span>
        <span>{task.progress} %</span>
      </p>
      {error && <p role="alert">{error.message}</p>}
    </section>
  )
}

/** What there is to say of the task. Its state tells whether it has an output or an error. */
function news(task: Task<'report'>): string | undefined {
  switch (task.state) {
    case 'pending':
      return task.wait?.reason.replaceAll('_', ' ')
    case 'completed':
      return `${task.output.pages} pages, ${task.output.words} words`
    case 'failed':
      return task.error.message
    default:
      return task.message
  }
}
