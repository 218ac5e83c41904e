import { type KeyboardEvent, memo, type ReactElement, useState } from 'react'
import { say } from './connection.ts'
import { Icon } from './icons.tsx'
import type { Item } from './views.ts'

const time = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' })
const day = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' })

/** One item: ticked, edited in place, with a note, removed. */
export const ItemRow = memo(function ItemRow({ item }: { readonly item: Item }): ReactElement {
  const { topic, text, note, done, tick, unsent } = item
  const [open, setOpen] = useState(false)
  return (
    <li className={done ? 'item done' : 'item'}>
      <label className="tick">
        <input type="checkbox" checked={done} aria-label={text} onChange={() => say(topic, { done: !done })} />
        <span aria-hidden="true">
          <Icon name="check" />
        </span>
      </label>
      <div className="what">
        <EditableText label="Item" value={text} onSay={(value) => value !== '' && say(topic, { text: value })} />
        {(open || note !== '') && (
          <EditableText
            label="Note"
            className="note"
            value={note}
            placeholder="Add a note"
            onSay={(value) => say(topic, { note: value })}
          />
        )}
        {(tick !== undefined || unsent) && (
          <p className="facts">
            {tick !== undefined && (
              <span>
                {tick.by || 'Somebody'}
                {tick.at !== undefined && `, ${when(tick.at)}`}
              </span>
            )}
            {unsent && (
              <span className="unsent">
                <Icon name="clock" />
                waits to be sent
              </span>
            )}
          </p>
        )}
      </div>
      <div className="actions">
        {note === '' && (
          <button type="button" title="Note" aria-label={`Add a note to ${text}`} onClick={() => setOpen(!open)}>
            <Icon name="note" />
          </button>
        )}
        <button type="button" title="Remove" aria-label={`Remove ${text}`} onClick={() => say(topic, { gone: true })}>
          <Icon name="trash" />
        </button>
      </div>
    </li>
  )
})

/** A text that becomes an input where it is; Enter says it, Escape leaves it. */
export function EditableText(props: {
  readonly label: string
  readonly value: string
  readonly className?: string
  readonly placeholder?: string
  readonly onSay: (value: string) => void
}): ReactElement {
  const { label, value, className = '', placeholder, onSay } = props
  const [draft, setDraft] = useState<string>()
  const finish = (): void => {
    if (draft !== undefined && draft.trim() !== value) onSay(draft.trim())
    setDraft(undefined)
  }
  const key = (event: KeyboardEvent<HTMLTextAreaElement>): void => {
    if (event.key === 'Escape') setDraft(undefined)
    if (event.key !== 'Enter') return
    event.preventDefault()
    finish()
  }
  // It is as high as its text, which an input is not.
  return (
    <textarea
      rows={1}
      className={`text ${className}`}
      aria-label={label}
      maxLength={500}
      placeholder={placeholder}
      value={draft ?? value}
      onChange={(event) => setDraft(event.target.value.replaceAll('\n', ' '))}
      onBlur={finish}
      onKeyDown={key}
    />
  )
}

function when(at: number): string {
  const isToday = new Date(at).toDateString() === new Date().toDateString()
  return isToday ? time.format(at) : `${day.format(at)} ${time.format(at)}`
}
