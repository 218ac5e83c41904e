import { type FormEvent, type ReactElement, useEffect, useMemo, useRef } from 'react'
import { say } from './connection.ts'
import { randomText } from './device.ts'
import { Icon } from './icons.tsx'
import { EditableText, ItemRow } from './item-row.tsx'
import { LinkPill } from './link-pill.tsx'
import { Lists } from './lists.tsx'
import { People } from './people.tsx'
import { Settings } from './settings.tsx'
import { type State, useStore } from './store.ts'
import { topicOf } from './topics.ts'
import { itemsOf, nameOf } from './views.ts'

const filters = { all: 'All', open: 'Open', done: 'Done' } as const

/** The page. */
export function App(): ReactElement {
  const settings = useRef<HTMLDialogElement>(null)
  return (
    <>
      <header className="bar">
        <p className="brand">
          <img src="./icon.svg" alt="" width="28" height="28" />
          Fieldlist
        </p>
        <People />
        <button type="button" className="quiet" aria-label="Settings" onClick={() => settings.current?.showModal()}>
          <Icon name="sliders" />
        </button>
      </header>
      <LinkPill />
      <Lists />
      <Checklist />
      <Notice />
      <Settings dialog={settings} />
    </>
  )
}

function Checklist(): ReactElement {
  const loaded = useStore((state) => state.loaded)
  const entries = useStore((state) => state.entries)
  const unsent = useStore((state) => state.unsent)
  const list = useStore((state) => state.list)
  const filter = useStore((state) => state.filter)
  const items = useMemo(() => itemsOf({ entries, unsent, list }), [entries, unsent, list])
  const done = items.filter((item) => item.done).length
  const shown = items.filter((item) => filter === 'all' || item.done === (filter === 'done'))
  if (!loaded && items.length === 0) return <Loading />
  return (
    <main>
      <div className="title">
        <h1>
          <EditableText
            label="Name of the list"
            value={nameOf(entries.get(topicOf(list)))}
            onSay={(name) => name !== '' && say(topicOf(list), { name })}
          />
        </h1>
        <p className="count">
          <strong>{done}</strong> of {items.length} done
        </p>
      </div>
      <progress aria-label="Done" max={Math.max(1, items.length)} value={done} />
      <div className="filters" role="group" aria-label="Show">
        {Object.entries(filters).map(([name, text]) => (
          <button
            type="button"
            key={name}
            aria-pressed={filter === name}
            onClick={() => useStore.setState({ filter: name as State['filter'] })}
          >
            {text}
          </button>
        ))}
      </div>
      {shown.length === 0 && <Empty filter={filter} none={items.length === 0} />}
      <ul className="items">
        {shown.map((item) => (
          <ItemRow key={item.topic} item={item} />
        ))}
      </ul>
      <AddItem list={list} />
    </main>
  )
}

function AddItem({ list }: { readonly list: string }): ReactElement {
  const add = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault()
    const input = event.currentTarget.elements.namedItem('text') as HTMLInputElement
    const text = input.value.trim()
    if (text === '') return
    // By time, so that the order is that in which they were added, wherever that was.
    say(topicOf(list, `${Date.now().toString(36)}${randomText(4)}`), { text })
    input.value = ''
  }
  return (
    <form className="add-item" onSubmit={add}>
      <input name="text" aria-label="New item" placeholder="Add an item" maxLength={500} autoComplete="off" />
      <button type="submit" className="primary" aria-label="Add">
        <Icon name="plus" />
      </button>
    </form>
  )
}

function Loading(): ReactElement {
  return (
    <main aria-busy="true">
      <p className="loading">Reading what is kept on this device …</p>
    </main>
  )
}

function Empty({ filter, none }: { readonly filter: State['filter']; readonly none: boolean }): ReactElement {
  const nothing = filter === 'done' ? 'Nothing is done yet.' : 'Everything is done.'
  return <p className="empty">{none ? 'Nothing here yet. Add what there is to do.' : nothing}</p>
}

function Notice(): ReactElement | null {
  const notice = useStore((state) => state.notice)
  useEffect(() => {
    if (notice === undefined) return undefined
    const timer = setTimeout(() => useStore.setState({ notice: undefined }), 8000)
    return () => clearTimeout(timer)
  }, [notice])
  if (notice === undefined) return null
  return (
    <p className="notice" role="alert">
      {notice}
    </p>
  )
}
