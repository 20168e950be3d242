import { comment, key, pascal, type Schema, SchemaTypes } from './schema.js'

/** A kind, as far as its types go. */
export interface KindSchemas {
  name: string
  description?: string
  input?: Schema
  output?: Schema
}

/** The file that tells a project's kinds to the types of this package. */
export function declaration(kinds: readonly KindSchemas[]): string {
  const named: string[] = []
  const type = (schema: Schema | undefined, name: string): string => {
    const types = new SchemaTypes(schema ?? true, name)
    const text = types.whole('        ')
    for (const [own, body] of types.declarations) named.push(`type ${own} = ${body}\n\n`)
    return text
  }
  const entries = [...kinds]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((kind) => {
      const input = type(kind.input, `${pascal(kind.name)}Input`)
      const output = type(kind.output, `${pascal(kind.name)}Output`)
      return `${comment(kind, '      ')}      ${key(kind.name)}: {\n        input: ${input}\n        output: ${output}\n      }\n`
    })
  return `// Written by "freshet-sdk generate". Do not change it: change the kinds, and write it again.
import '@freshet/sdk'

${named.join('')}declare module '@freshet/sdk' {
  interface Register {
    kinds: {
${entries.join('')}    }
  }
}
`
}
