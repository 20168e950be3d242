import 'server-only'

import { createFreshet } from '@freshet/sdk'

/** The server's client: FRESHET_URL and FRESHET_API_KEY, which never reach a browser. */
export const freshet = createFreshet()

/** Where Freshet tells this app how a report ended. APP_URL is where it reaches the app, as in freshet.yaml. */
export const webhookUrl = `${process.env.APP_URL ?? 'http://127.0.0.1:3000'}/api/webhooks/freshet`
