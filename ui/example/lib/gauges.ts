import type { InputOf } from '@freshet/sdk'

type Input = InputOf<'report'>
export type Gauge = Input['gauge']

/** The gauges of the river, upstream first. */
export const gauges: Record<Gauge, string> = {
  millbrook: 'Millbrook',
  'old-weir': 'Old Weir',
  'ferry-steps': 'Ferry Steps',
}

export const years: readonly Input['year'][] = [2025, 2024]

/** How often each month is drawn again. */
export const precisions = { draft: 5_000, fine: 200_000 } as const

/** What people call a report. */
export function titleOf({ gauge, year }: Pick<Input, 'gauge' | 'year'>): string {
  return `${gauges[gauge]}, ${year}`
}
