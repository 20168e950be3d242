/** A JSON Schema, as far as types can be made of it. */
export type Schema = boolean | { readonly [keyword: string]: unknown }

type Keywords = { readonly [keyword: string]: unknown }

/**
 * Writes TypeScript types for one JSON Schema. What types cannot say, such as the length of a text, is
 * left out; what is not understood becomes `unknown`. A schema that is referred to gets a name.
 */
export class SchemaTypes {
  /** Declarations of the schemas that were referred to, by name. */
  readonly declarations = new Map<string, string>()

  readonly #root: Schema
  readonly #prefix: string

  /** @param prefix of the names that are declared */
  constructor(root: Schema, prefix: string) {
    this.#root = root
    this.#prefix = prefix
  }

  /** The type of the whole schema, its lines indented by so much. */
  whole(indent: string): string {
    return this.#type(this.#root, indent)
  }

  #type(schema: unknown, indent: string): string {
    if (schema === false) return 'never'
    if (typeof schema !== 'object' || schema === null) return 'unknown'
    const keywords = schema as Keywords
    const parts = [this.#own(keywords, indent), ...this.#combined(keywords, indent)].filter((part) => part !== 'unknown')
    return parts.length > 1 ? parts.map(grouped).join(' & ') : (parts[0] ?? 'unknown')
  }

  #own(schema: Keywords, indent: string): string {
    if ('const' in schema) return literal(schema['const'])
    if (Array.isArray(schema['enum'])) return union(schema['enum'].map(literal))
    const { type } = schema
    if (Array.isArray(type)) return union(type.map((one) => this.#typed(one, schema, indent)))
    return this.#typed(type ?? implied(schema), schema, indent)
  }

  #typed(type: unknown, schema: Keywords, indent: string): string {
    switch (type) {
      case 'string':
      case 'boolean':
      case 'null':
        return type
      case 'number':
      case 'integer':
        return 'number'
      case 'array':
        return this.#array(schema, indent)
      case 'object':
        return this.#object(schema, indent)
      default:
        return 'unknown'
    }
  }

  #array({ items, prefixItems }: Keywords, indent: string): string {
    const rest = `${grouped(this.#type(items ?? true, indent))}[]`
    if (!Array.isArray(prefixItems)) return rest
    const first = prefixItems.map((item) => this.#type(item, indent))
    return `[${[...first, ...(items === false ? [] : [`...${rest}`])].join(', ')}]`
  }

  #object({ properties, required, additionalProperties }: Keywords, indent: string): string {
    const fields = Object.entries((properties ?? {}) as Record<string, Schema>)
    if (fields.length === 0) {
      return additionalProperties === false ? 'Record<string, never>' : `Record<string, ${this.#type(additionalProperties, indent)}>`
    }
    const needed = new Set(Array.isArray(required) ? required : [])
    const inner = `${indent}  `
    const lines = fields.map(([name, schema]) => {
      const mark = needed.has(name) ? '' : '?'
      return `${comment(schema, inner)}${inner}${key(name)}${mark}: ${this.#type(schema, inner)}\n`
    })
    const open = typeof additionalProperties === 'object' || additionalProperties === true ? `${inner}[key: string]: unknown\n` : ''
    return `{\n${lines.join('')}${open}${indent}}`
  }

  #combined(schema: Keywords, indent: string): string[] {
    const { $ref, allOf, anyOf, oneOf } = schema
    const each = (schemas: unknown): string[] => (Array.isArray(schemas) ? schemas.map((one) => this.#type(one, indent)) : [])
    return [
      ...(typeof $ref === 'string' ? [this.#reference($ref)] : []),
      ...each(allOf),
      ...(anyOf ? [union(each(anyOf))] : []),
      ...(oneOf ? [union(each(oneOf))] : []),
    ]
  }

  #reference(ref: string): string {
    const path = ref.split('/').slice(1).map((part) => decodeURIComponent(part).replace(/~1/g, '/').replace(/~0/g, '~'))
    const found = ref.startsWith('#') && (ref === '#' || path.length) ? path.reduce<unknown>(step, this.#root) : undefined
    if (found === undefined) return 'unknown'
    const name = this.#prefix + pascal(path.at(-1) ?? '')
    if (!this.declarations.has(name)) {
      this.declarations.set(name, '') // it may refer to itself
      this.declarations.set(name, this.#type(found, ''))
    }
    return name
  }
}

/** `customer-invoice` as `CustomerInvoice`. */
export function pascal(name: string): string {
  return name.replace(/(^|[^A-Za-z0-9]+)([A-Za-z0-9])/g, (_, __, letter: string) => letter.toUpperCase()).replace(/[^A-Za-z0-9]/g, '')
}

/** A comment for what the schema is described as, on lines of its own. */
export function comment(schema: unknown, indent: string): string {
  const text = (schema as { description?: unknown } | null)?.description
  if (typeof text !== 'string' || !text.trim()) return ''
  const lines = text.trim().replaceAll('*/', '*\\/').split('\n')
  if (lines.length === 1) return `${indent}/** ${lines[0]} */\n`
  return `${indent}/**\n${lines.map((line) => `${indent} * ${line}`.trimEnd() + '\n').join('')}${indent} */\n`
}

/** The name of a property, quoted where that is needed. */
export function key(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name)
}

function step(at: unknown, part: string): unknown {
  return typeof at === 'object' && at !== null ? (at as Keywords)[part] : undefined
}

function implied(schema: Keywords): string | undefined {
  if ('properties' in schema || 'additionalProperties' in schema) return 'object'
  return 'items' in schema || 'prefixItems' in schema ? 'array' : undefined
}

function literal(value: unknown): string {
  return typeof value === 'object' && value !== null ? 'unknown' : JSON.stringify(value)
}

function union(types: string[]): string {
  return types.length ? [...new Set(types.includes('unknown') ? ['unknown'] : types)].map(grouped).join(' | ') : 'never'
}

function grouped(type: string): string {
  return / [|&] /.test(type) && !type.startsWith('{') ? `(${type})` : type
}
