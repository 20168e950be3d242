import { createContext, createElement, type ReactNode, useContext, useMemo } from 'react'

import { Freshet } from '../freshet.js'
import { tokenFrom } from '../token.js'

const Context = createContext<Freshet | undefined>(undefined)

/** Where the hooks below find the server. */
export interface FreshetProviderProps {
  /** Address of the server, or of a rewrite to it. */
  url?: string
  /** Address of a route that gives a read token, that of `@freshet/sdk/next`: `/api/freshet/token`. */
  tokenUrl?: string
  /** A client instead of the two above. Make it once, outside of any component. */
  client?: Freshet
  children?: ReactNode
}

/** Gives the hooks below their client. */
export function FreshetProvider({ url, tokenUrl, client, children }: FreshetProviderProps): ReactNode {
  const value = useMemo(
    () => client ?? new Freshet({ url: url ?? '', ...(tokenUrl !== undefined && { token: tokenFrom(tokenUrl) }) }),
    [client, url, tokenUrl],
  )
  return createElement(Context.Provider, { value }, children)
}

/** The client of the nearest `FreshetProvider`. */
export function useFreshet(): Freshet {
  const freshet = useContext(Context)
  if (!freshet) throw new Error('there is no FreshetProvider around this component')
  return freshet
}
