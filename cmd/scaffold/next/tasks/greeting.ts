// The code of the kind "greeting". The app runs it, in app/api/freshet/[...path]/route.ts.
import { task } from '@freshet/sdk/task'

export const greeting = task('greeting', ({ input }) => `Hello, ${input.name}!`)
