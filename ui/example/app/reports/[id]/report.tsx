'use client'

import { isEnded, type Task } from '@freshet/sdk'
import { useTask } from '@freshet/sdk/react'
import { useRouter } from 'next/navigation'

import { Bar } from '../bar'
import { State } from '../state'
import { CancelButton } from './cancel'
import { Log } from './log'
import { Result } from './result'

/** A report from its submit to its end, live. */
export function Report({ initial }: { initial: Task<'report'> }) {
  const router = useRouter()
  const { task = initial, error, connection } = useTask('report', initial.id, { initialTask: initial, onEnd: () => router.refresh() })
  const open = !isEnded(task)
  return (
    <>
      <section className="card" aria-busy={open}>
        <div className="row">
          <State task={task} />
          {open && <span className="hint">{connection === 'open' ? 'live' : connection}</span>}
          {open && <CancelButton id={task.id} requested={task.cancelRequestedAt !== undefined} />}
        </div>
        {open && <Bar percent={task.progress} label="Progress of the report" />}
        {open && (
          <p className="row">
            <span>{task.state === 'pending' ? waiting(task.wait?.reason) : task.message}</span>
            <b>{task.progress} %</b>
          </p>
        )}
        {task.state === 'failed' && <p role="alert">{task.error.message}</p>}
        {task.state === 'cancelled' && <p>It was cancelled at {task.progress} %.</p>}
        {error && <p role="alert">{error.message}</p>}
      </section>
      {task.state === 'completed' && <Result task={task} />}
      <Log id={task.id} />
    </>
  )
}

function waiting(reason: string | undefined): string {
  return reason === 'backoff' ? 'It failed, and will be tried again.' : 'It starts as soon as a worker is free.'
}
