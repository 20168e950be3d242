import type { TaskState, TaskSummary } from '@freshet/sdk'

const looks: Record<TaskState, [icon: string, word: string]> = {
  pending: ['◷', 'Waiting'],
  running: ['▸', 'Running'],
  completed: ['✓', 'Ready'],
  failed: ['✕', 'Failed'],
  cancelled: ['–', 'Cancelled'],
}

/** The state of a task, in a word. */
export function State({ task }: { task: Pick<TaskSummary, 'state' | 'cancelRequestedAt'> }) {
  const [icon, word] = looks[task.state]
  const ending = task.cancelRequestedAt && (task.state === 'pending' || task.state === 'running')
  return (
    <span className="state" data-state={task.state}>
      <span aria-hidden="true">{icon}</span> {ending ? 'Cancelling' : word}
    </span>
  )
}
