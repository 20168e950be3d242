'use client'

import { useSubmit } from '@freshet/sdk/react'

import { cancelReport } from '../actions'

export function CancelButton({ id, requested }: { id: string; requested: boolean }) {
  const { submit, isPending, error } = useSubmit(cancelReport)
  return (
    <>
      {error && <span role="alert">{error.message}</span>}
      <button className="quiet" disabled={requested || isPending} onClick={() => submit(id).catch(() => {})}>
        Cancel
      </button>
    </>
  )
}
