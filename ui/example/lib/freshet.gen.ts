// Written by "freshet-sdk generate". Do not change it: change the kinds, and write it again.
import '@freshet/sdk'

declare module '@freshet/sdk' {
  interface Register {
    kinds: {
      /** How high the river stood in a year, month by month */
      report: {
        input: {
          gauge: "millbrook" | "ferry-steps" | "old-weir"
          year: 2024 | 2025
          /** How often each month is drawn again. More makes the range of its typical level surer. */
          resamples?: number
        }
        output: {
          months: {
            /** Such as 2025-03. */
            month: string
            /** The median of its days */
            typical: number
            /** The typical level is at least this */
            from: number
            /** And at most this. */
            to: number
            highest: number
          }[]
          highest: {
            date: string
            level: number
          }
        }
      }
      /** Puts a report into words. A route of the app does the work. */
      summary: {
        input: {
          title: string
          months: {
            /** Such as 2025-03. */
            month: string
            /** The median of its days */
            typical: number
            /** The typical level is at least this */
            from: number
            /** And at most this. */
            to: number
            highest: number
          }[]
          highest: {
            date: string
            level: number
          }
        }
        output: {
          text: string
        }
      }
    }
  }
}
