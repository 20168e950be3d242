'use client'

import { useTaskLogs } from '@freshet/sdk/react'

/** What the task prints for its user, as it prints it. What went wrong inside, on stderr, is for the app's own people. */
export function Log({ id }: { id: string }) {
  const { lines } = useTaskLogs(id, { tail: 200 })
  return (
    <details open>
      <summary>What it says</summary>
      <pre tabIndex={0} aria-label="What the task printed">
        {lines
          .filter(({ stream }) => stream === 'stdout')
          .map(({ key, text }) => (
            <span key={key}>{text + '\n'}</span>
          ))}
      </pre>
    </details>
  )
}
