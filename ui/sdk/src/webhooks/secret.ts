/** The secret that was given, else that of `FRESHET_WEBHOOK_SECRET`. */
export function secretOr(given: string | readonly string[] | undefined): string | readonly string[] {
  const secret = given ?? globalThis.process?.env?.['FRESHET_WEBHOOK_SECRET']
  if (!secret?.length) throw new Error('no secret is known: pass one, or set FRESHET_WEBHOOK_SECRET')
  return secret
}
