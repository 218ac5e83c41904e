import type { ReactElement } from 'react'
import { say } from './connection.ts'
import { randomText } from './device.ts'
import { Icon } from './icons.tsx'
import { useStore } from './store.ts'
import { topicOf } from './topics.ts'
import { listsOf } from './views.ts'

/** The lists there are, one of them chosen. */
export function Lists(): ReactElement {
  const entries = useStore((state) => state.entries)
  const chosen = useStore((state) => state.list)
  const add = (): void => {
    const list = `${Date.now().toString(36)}${randomText(4)}`
    say(topicOf(list), { name: 'New list' })
    choose(list)
  }
  return (
    <nav className="lists" aria-label="Lists">
      {listsOf(entries).map(({ list, name }) => (
        <button
          type="button"
          key={list}
          aria-current={list === chosen ? 'page' : undefined}
          onClick={() => choose(list)}
        >
          {name}
        </button>
      ))}
      <button type="button" className="add" onClick={add}>
        <Icon name="plus" />
        New list
      </button>
    </nav>
  )
}

function choose(list: string): void {
  localStorage.setItem('fieldlist.list', list)
  useStore.setState({ list, filter: 'all' })
}
