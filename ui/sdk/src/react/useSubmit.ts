import { useCallback, useRef, useState } from 'react'

import type { Freshet } from '../freshet.js'
import type { SubmitOptions } from '../options.js'
import type { InputOf, KindName } from '../register.js'
import type { SubmittedTask } from '../task.js'
import { useFreshet } from './provider.js'

/** A submit, and what became of it. */
export interface UseSubmit<Args extends unknown[], Result> {
  /** Submits. What goes wrong is thrown, and is in `error`. */
  submit: (...args: Args) => Promise<Result>
  isPending: boolean
  /** What the last submit gave. */
  result: Result | undefined
  error: Error | undefined
  /** Forgets result and error. */
  reset: () => void
}

/**
 * Submits tasks of a kind from the browser, with a token that may do so: a read token may not. Most apps
 * submit in a server action, and pass that here instead of the kind.
 */
export function useSubmit<K extends KindName>(
  kind: K,
): UseSubmit<[input: InputOf<K>, options?: SubmitOptions], SubmittedTask<K>>
export function useSubmit<Args extends unknown[], Result>(
  action: (...args: Args) => Promise<Result>,
): UseSubmit<Args, Result>
export function useSubmit(what: KindName | ((...args: never[]) => Promise<unknown>)): UseSubmit<never[], unknown> {
  const freshet = useFreshet()
  const [state, setState] = useState<Progress>(idle)
  const last = useRef(0)
  const work = useRef<(...args: never[]) => Promise<unknown>>(undefined)
  work.current = typeof what === 'string' ? submitting(freshet, what) : what
  const submit = useCallback(async (...args: never[]) => {
    const turn = ++last.current
    const set = (next: Progress): void => {
      if (turn === last.current) setState(next)
    }
    set({ ...idle, isPending: true })
    try {
      const result = await work.current?.(...args)
      set({ ...idle, result })
      return result
    } catch (thrown) {
      const error = thrown instanceof Error ? thrown : new Error(String(thrown))
      set({ ...idle, error })
      throw error
    }
  }, [])
  const reset = useCallback(() => {
    last.current++
    setState(idle)
  }, [])
  return { ...state, submit, reset }
}

interface Progress {
  isPending: boolean
  result: unknown
  error: Error | undefined
}

const idle: Progress = { isPending: false, result: undefined, error: undefined }

function submitting(freshet: Freshet, kind: KindName): (input: never, options?: SubmitOptions) => Promise<unknown> {
  return (input, options) => freshet.submit(kind, input, options)
}
