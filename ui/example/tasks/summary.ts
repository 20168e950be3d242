import { task } from '@freshet/sdk/task'

/** Puts a report into words. A route of the app does it: see app/api/freshet. */
export default task('summary', async ({ input: { title, months, highest }, progress }) => {
  progress(50, 'comparing the months')
  const byLevel = months.toSorted((a, b) => a.typical - b.typical)
  const [low, high] = [byLevel[0], byLevel.at(-1)]
  if (!low || !high) return { text: `${title}: nothing was measured.` }
  const times = (high.typical / low.typical).toFixed(1)
  const text =
    `${title}: the river was low in ${nameOf(low.month)}, at ${low.typical} m on a typical day, ` +
    `and ${times} times as high in ${nameOf(high.month)}. Its crest of ${highest.level} m came in ${nameOf(highest.date)}.`
  return { text }
})

function nameOf(date: string): string {
  return new Date(date).toLocaleString('en', { month: 'long', timeZone: 'UTC' })
}
