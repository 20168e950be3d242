'use client'

import { useSubmit, useTask } from '@freshet/sdk/react'

import { describeReport } from '../actions'

/** The report in words, for who asks for them. */
export function Words({ id }: { id: string }) {
  const { submit, isPending, result, error } = useSubmit(describeReport)
  const { task } = useTask('summary', result)
  const wrong = error ?? (task?.state === 'failed' ? task.error : undefined)
  if (wrong) return <p role="alert">{wrong.message}</p>
  if (task?.state === 'completed') return <p data-testid="words">{task.output.text}</p>
  return (
    <button className="quiet" disabled={isPending || result !== undefined} onClick={() => submit(id).catch(() => {})}>
      {result ? 'Writing…' : 'Say it in words'}
    </button>
  )
}
