// Written by "freshet-sdk generate". Do not change it: change the kinds, and write it again.
import '@freshet/sdk'

type ReportInputFilter = {
  name?: string | null
  any?: ReportInputFilter[]
}

declare module '@freshet/sdk' {
  interface Register {
    kinds: {
      /** Monthly report as PDF */
      report: {
        input: {
          /** From 1 to 12. */
          month: number
          format?: "pdf" | "html"
          filter?: ReportInputFilter
        }
        output: {
          pages: number
        }
      }
      "send-mail": {
        input: {
          type: "one"
          to: string
        } | {
          type: "all"
          "x-tags"?: Record<string, string>
        }
        output: unknown
      }
    }
  }
}
