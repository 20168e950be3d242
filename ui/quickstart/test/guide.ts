import { readFileSync } from 'node:fs'

/** A page of the documentation, as far as it is done and not read. */
export class Guide {
  readonly #text: string

  constructor(path: string) {
    this.#text = readFileSync(path, 'utf8')
  }

  /** The code blocks of a language, in order; of one section, or of the whole page. */
  blocks(language: string, section?: string): string[] {
    const fences = this.#of(section).matchAll(/^```(\w+)\n(.*?)^```$/gms)
    return [...fences].filter(([, name]) => name === language).map(([, , text]) => text!)
  }

  /** What the sentences of a section have in `code`, where it begins so. */
  words(section: string, beginning: string): string[] {
    const prose = this.#of(section).replaceAll(/^```.*?^```$/gms, '')
    const spans = [...prose.matchAll(/`([^`]+)`/g)].map(([, text]) => text!.replaceAll(/\s+/g, ' '))
    return spans.filter((text) => text.startsWith(beginning))
  }

  /** The address that a section says to open. */
  address(section: string): string {
    return /<(http:[^>]+)>/.exec(this.#of(section))![1]!
  }

  #of(section?: string): string {
    if (section === undefined) return this.#text
    const found = this.#text.split(/^## /m).find((text) => text.startsWith(`${section}\n`))
    if (!found) throw new Error(`there is no section ${section}`)
    return found
  }
}
