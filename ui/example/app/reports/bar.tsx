/** How far something is, from 0 to 100. */
export function Bar({ percent, label }: { percent: number; label: string }) {
  return (
    <div className="bar" role="progressbar" aria-label={label} aria-valuenow={percent} aria-valuemin={0} aria-valuemax={100}>
      <div style={{ width: `${percent}%` }} />
    </div>
  )
}
