import 'server-only'

import { createFreshet } from '@freshet/sdk'

/** The server's client: FRESHET_URL and FRESHET_API_KEY, which never reach a browser. */
export const freshet = createFreshet()
