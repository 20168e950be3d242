// The code of the kind "report". A worker runs it: npx tsx tasks/report.ts
import { setTimeout as wait } from 'node:timers/promises'

import { task } from '@freshet/sdk/task'

export default task('report', async ({ input, progress, artifact, signal }) => {
  const pages = input.pages ?? 10
  const written = [`# ${input.title}`]
  for (let page = 1; page <= pages; page++) {
    await wait(1000, undefined, { signal }) // here you would read, compute, render
    written.push(`## Page ${page}`, 'What there is to say.')
    progress((100 * page) / pages, `page ${page} of ${pages}`)
  }
  const text = written.join('\n\n')
  await artifact('report.md', text)
  return { pages, words: text.split(/\s+/).length }
})
