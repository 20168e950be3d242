// What a project sees whose kinds were generated. It is compiled, and never run.
import { createFreshet, type Task } from '@freshet/sdk'
import { createFreshetHandler } from '@freshet/sdk/next'
import { useSubmit, useTask, useTasks } from '@freshet/sdk/react'
import { serve, task } from '@freshet/sdk/task'
import { createWebhookHandler, type WebhookEvent } from '@freshet/sdk/webhooks'

const freshet = createFreshet()

export async function submits(): Promise<void> {
  const submitted = await freshet.submit('report', { month: 3, format: 'pdf', filter: { any: [{ name: null }] } })
  submitted.kind satisfies 'report'
  submitted.readToken satisfies string
  await freshet.submit('send-mail', { type: 'one', to: 'ada' }, { webhookUrl: 'https://app.example.com/hooks' })
  // @ts-expect-error a required property is missing
  await freshet.submit('report', {})
  // @ts-expect-error a wrong value
  await freshet.submit('report', { month: 3, format: 'docx' })
  // @ts-expect-error another variant's property is missing
  await freshet.submit('send-mail', { type: 'one' })
  // @ts-expect-error there is no such kind
  await freshet.submit('reprot', { month: 3 })
}

export async function outputs(id: string): Promise<void> {
  const ended = await freshet.wait('report', id)
  if (ended.state === 'completed') ended.output.pages satisfies number
  if (ended.state === 'failed') ended.error.code satisfies string
  // @ts-expect-error not every end has an output
  ended.output.pages
  // @ts-expect-error it has ended
  ended.state === 'running'

  const any = await freshet.get(id)
  if (any.kind === 'report' && any.state === 'completed') any.output.pages satisfies number
  // @ts-expect-error the input is that of its kind
  if (any.kind === 'send-mail') any.input.month
}

export async function events(id: string): Promise<void> {
  for await (const event of freshet.subscribe('report', id, { logs: true })) {
    if (event.type === 'task.log') event.data.text satisfies string
    if (event.type === 'task.progress') event.data.progress satisfies number | undefined
    if (event.type === 'task.failed') event.data.task.kind satisfies 'report'
    // @ts-expect-error not every event has a text
    event.data.text
  }
}

const report = task('report', async ({ input, progress }) => {
  progress(input.month)
  return { pages: input.month }
})

// @ts-expect-error the output does not fit
task('report', async () => ({ pages: 'three' }))
// @ts-expect-error the input has no such property
task('report', async ({ input }) => ({ pages: input.year }))

const mail = task('send-mail', ({ input }) => (input.type === 'one' ? input.to : undefined))

export const routes = createFreshetHandler({ owner: () => 'ada', tasks: [report, mail] })
export const POST = serve(report)

export const hooks = createWebhookHandler({
  'task.completed': ({ data: { task } }) => {
    if (task.kind === 'report') task.output?.pages satisfies number | undefined
    task.outputUrl satisfies string | undefined
    // @ts-expect-error it is a task that completed
    task.state === 'failed'
  },
  'task.failed': ({ type, data: { task } }, { id }) => [type satisfies 'task.failed', task.error.message, id satisfies string],
  'task.cancelled': told,
  other: (event) => {
    if (event.type === 'endpoint.disabled') return event.data.reason satisfies string
    if (event.type === 'endpoint.test') return event.data.endpoint.url satisfies string
    // @ts-expect-error the ends have functions of their own
    event.type === 'task.failed'
    return event.data.task.state
  },
  // @ts-expect-error there is no such event
  'task.succeeded': () => {},
})

// One function can be told of all ends.
function told({ taskId, type, data: { task } }: WebhookEvent): string {
  // @ts-expect-error webhooks do not tell the input
  task.input
  return `${taskId}: ${type}`
}

async function action(month: number): Promise<{ id: string; token: string }> {
  return { id: String(month), token: '' }
}

export function Live({ id, initialTask }: { id: string; initialTask: Task<'report'> }) {
  const { task, connection } = useTask('report', id, { initialTask, onEnd: (task) => task.kind satisfies 'report' })
  const { tasks } = useTasks({ kind: 'report', state: 'running' })
  const byKind = useSubmit('report')
  const byAction = useSubmit(action)
  // @ts-expect-error the input is that of the kind
  void byKind.submit({ moth: 1 })
  // @ts-expect-error the arguments are those of the action
  void byAction.submit('three')
  byAction.result?.token satisfies string | undefined
  return (
    <p title={connection}>
      {task?.state === 'completed' ? task.output.pages : task?.progress} of {tasks?.length}
    </p>
  )
}
