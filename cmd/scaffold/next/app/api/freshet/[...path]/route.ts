import { createFreshetHandler } from '@freshet/sdk/next'

import { owner } from '@/lib/owner'
import { greeting } from '@/tasks/greeting'

// POST /api/freshet/token gives the browser a token for the tasks of its visitor, and
// POST /api/freshet/tasks/KIND does the work of a kind of Freshet's that is a route.
export const { POST } = createFreshetHandler({ owner, tasks: [greeting] })
