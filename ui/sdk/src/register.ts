/**
 * Where a project's own kinds are told to the types of this package. `freshet-sdk generate` writes a
 * file that adds to it; without one, every kind is allowed and inputs and outputs are `unknown`.
 */
export interface Register {}

type Kinds = Register extends { kinds: infer K } ? K : Record<string, { input: unknown; output: unknown }>

/** Name of a kind of task. */
export type KindName = keyof Kinds & string

/** What a task of the kind is given. */
export type InputOf<K extends KindName> = Kinds[K] extends { input: infer I } ? I : unknown

/** What a task of the kind results in. */
export type OutputOf<K extends KindName> = Kinds[K] extends { output: infer O } ? O : unknown
