import type { ReactElement } from 'react'
import { useStore } from './store.ts'

const most = 5

/** Who has the app open, here or elsewhere; one for each device. */
export function People(): ReactElement | null {
  const people = useStore((state) => state.people)
  const byDevice = new Map(Array.from(people.values(), ({ device, name }) => [device, name]))
  const all = Array.from(byDevice).sort(([a], [b]) => (a < b ? -1 : 1))
  if (all.length === 0) return null
  const names = all.map(([, name]) => name)
  return (
    <ul className="people" aria-label={`Here: ${names.join(', ')}`}>
      {all.slice(0, most).map(([id, name]) => (
        <li key={id} title={name} className={`tint-${tintOf(id)}`}>
          {name.slice(0, 1).toUpperCase()}
        </li>
      ))}
      {all.length > most && <li className="more">+{all.length - most}</li>}
    </ul>
  )
}

function tintOf(text: string): number {
  let sum = 0
  for (const character of text) sum = (sum * 31 + character.charCodeAt(0)) % 1009
  return sum % 6
}
