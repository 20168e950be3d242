// Written by "freshet-sdk generate". Do not change it: change the kinds, and write it again.
import '@freshet/sdk'

declare module '@freshet/sdk' {
  interface Register {
    kinds: {
      /** Greets someone, in the app itself */
      greeting: {
        input: {
          name: string
        }
        output: string
      }
      /** Writes a report, page by page */
      report: {
        input: {
          title: string
          /** 10 if absent. */
          pages?: number
        }
        output: {
          pages: number
          words: number
        }
      }
    }
  }
}
