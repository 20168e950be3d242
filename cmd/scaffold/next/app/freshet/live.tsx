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
  const { task = first, error, connection } = useTask('report', first.id, { initialTask: first })
  return (
    <section aria-live="polite">
      <h2>{task.input.title}</h2>
      <progress value={task.progress} max={100} aria-label="Progress" title={connection} style={{ width: '100%' }} />
      <p>
        {task.state} {task.progress}% {task.message}
      </p>
      {task.state === 'completed' && (
        <p>
          {task.output.pages} pages, {task.output.words} words
        </p>
      )}
      {task.state === 'failed' && <p role="alert">{task.error.message}</p>}
      {error && <p role="alert">{error.message}</p>}
    </section>
  )
}
