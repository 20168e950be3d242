// A task as a worker starts it. Its input says what it does.
import { setTimeout as sleep } from 'node:timers/promises'

import { task, TaskError } from '../../src/task/index.js'

export default task('report', async (context) => {
  const { input, taskId, attempt, owner, progress, event, alive, artifact } = context
  const { act } = input as { act: string }
  switch (act) {
    case 'work':
      progress(below + NaN)
      progress(140, 'half')
      event('chapter', { n: 1 })
      alive()
      await artifact('pages/1.txt', 'one')
      setInterval(() => {}, 1000) // what would keep a process alive
      return { taskId, attempt, owner }
    case 'refuse':
      throw new TaskError('no lines', { code: 'empty', detail: { invoice: 17 }, retry: false, retryAfter: '30s' })
    case 'throw':
      throw new Error('broken')
    case 'escape':
      return artifact('../out.txt', 'x')
    case 'large':
      return event('large', 'x'.repeat(70_000))
    case 'hang':
      return new Promise(() => {})
    case 'deaf':
      event('ready')
      return sleep(60_000)
    case 'listen': {
      const { signal } = context
      event('ready')
      await sleep(60_000, undefined, { signal }).catch(() => {})
      event('cleaned up')
      throw signal.reason
    }
    default:
      return undefined
  }
})

const below = 0
