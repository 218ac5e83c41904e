import { type ReactElement, useEffect, useState } from 'react'
import { tryNow } from './connection.ts'
import { useStore } from './store.ts'
import { linkText } from './views.ts'

/** Says how the link to the server is, and lets it try at once. */
export function LinkPill(): ReactElement {
  const attached = useStore((state) => state.attached)
  const link = useStore((state) => state.link)
  const waiting = useStore((state) => state.unsent.size)
  const now = useNow(link?.status === 'waiting')
  const { mood, text, detail } = linkText({ attached, link }, waiting, now)
  return (
    <div className={`pill ${mood}`}>
      <span className="dot" aria-hidden="true" />
      <p role="status">
        <strong>{text}</strong>
        {detail !== undefined && <span className="detail">{detail}</span>}
      </p>
      {link?.status === 'waiting' && (
        <button type="button" className="quiet" onClick={tryNow}>
          Try now
        </button>
      )}
    </div>
  )
}

/** The time, told anew every second while it matters. */
function useNow(matters: boolean): number {
  const [now, setNow] = useState(Date.now)
  useEffect(() => {
    if (!matters) return undefined
    setNow(Date.now())
    const timer = setInterval(() => setNow(Date.now()), 1000)
    return () => clearInterval(timer)
  }, [matters])
  return now
}
