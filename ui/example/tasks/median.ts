import { setImmediate } from 'node:timers/promises'

/** The middle of some numbers. */
export function median(values: ArrayLike<number>): number {
  const sorted = Float64Array.from(values).sort()
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/**
 * Between which bounds the median lies, at nine in ten: the numbers are drawn again and again, with
 * replacement, and the medians of all draws are sorted (the percentile bootstrap). It takes a while, so
 * `pause` is called now and then.
 */
export async function spread(values: readonly number[], draws: number, pause: (part: number) => void): Promise<[number, number]> {
  const medians = new Float64Array(draws)
  const draw = new Float64Array(values.length)
  for (let i = 0; i < draws; i++) {
    for (let j = 0; j < draw.length; j++) draw[j] = values[Math.floor(Math.random() * values.length)]!
    medians[i] = median(draw)
    if (i % 20_000 === 0) {
      pause(i / draws)
      await setImmediate() // lets a signal in
    }
  }
  medians.sort()
  return [medians[Math.floor(draws * 0.05)]!, medians[Math.floor(draws * 0.95)]!]
}
