/** The secret that was given, else those of `FRESHET_WEBHOOK_SECRET`: several have spaces or commas between them. */
export function secretOr(given: string | readonly string[] | undefined): string | readonly string[] {
  const secret = given ?? globalThis.process?.env?.['FRESHET_WEBHOOK_SECRET']?.split(/[\s,]+/).filter(Boolean)
  if (!secret?.length) throw new Error('no secret is known: pass one, or set FRESHET_WEBHOOK_SECRET')
  return secret
}
