import { createFreshetHandler } from '@freshet/sdk/next'

import { user } from '@/lib/session'
import summary from '@/tasks/summary'

export const { POST } = createFreshetHandler({ owner: user, tasks: [summary] })
