import type { Entry } from './checklist.ts'
import { timeOf } from './clock.ts'
import type { State } from './store.ts'
import { listItself, placeOf } from './topics.ts'

/** An item as it is shown. */
export interface Item {
  readonly topic: string
  readonly text: string
  readonly note: string
  readonly done: boolean
  /** Who ticked it and when; undefined while it is open. */
  readonly tick: { readonly by: string; readonly at: number | undefined } | undefined
  readonly unsent: boolean
}

/** The lists there are, by name. */
export function listsOf(entries: State['entries']): { readonly list: string; readonly name: string }[] {
  const lists: { list: string; name: string }[] = []
  for (const [topic, entry] of entries) {
    const place = placeOf(topic)
    if (place?.item === listItself && entry.gone?.value !== true) lists.push({ list: place.list, name: nameOf(entry) })
  }
  return lists.sort((a, b) => a.name.localeCompare(b.name) || (a.list < b.list ? -1 : 1))
}

/** The items of a list, in the order in which they were added. */
export function itemsOf({ entries, unsent, list }: Pick<State, 'entries' | 'list' | 'unsent'>): Item[] {
  const items: (Item & { readonly id: string })[] = []
  for (const [topic, entry] of entries) {
    const place = placeOf(topic)
    if (place?.list !== list || place.item === listItself) continue
    if (entry.gone?.value === true || entry.text === undefined) continue
    const done = entry.done?.value === true
    const tick = done ? { by: entry.done!.by, at: timeOf(entry.done!.at) } : undefined
    const { text, note } = entry
    items.push({
      id: place.item,
      topic,
      text: text.value,
      note: note?.value ?? '',
      done,
      tick,
      unsent: unsent.has(topic),
    })
  }
  return items.sort((a, b) => (a.id < b.id ? -1 : 1))
}

/** The name of a list. */
export function nameOf(entry: Entry | undefined): string {
  return entry?.name?.value || 'Untitled list'
}

/** How the link to the server is, in a few words; `mood` says how it is to look. */
export function linkText(
  { link, attached }: Pick<State, 'attached' | 'link'>,
  waiting: number,
  now: number,
): { readonly mood: 'calm' | 'busy' | 'away'; readonly text: string; readonly detail: string | undefined } {
  const changes = `${waiting} ${waiting === 1 ? 'change' : 'changes'}`
  if (!attached || link === undefined) return { mood: 'busy', text: 'Starting', detail: undefined }
  if (link.status === 'connected')
    return waiting === 0
      ? { mood: 'calm', text: 'Online', detail: 'everything is sent' }
      : { mood: 'busy', text: 'Online', detail: `sending ${changes}` }
  const detail = waiting === 0 ? 'nothing waits' : `${changes} waiting`
  if (link.status === 'connecting') return { mood: 'busy', text: 'Connecting', detail }
  const seconds = Math.max(0, Math.ceil(((link.nextRetryAt ?? now) - now) / 1000))
  return { mood: 'away', text: 'Offline', detail: seconds > 1 ? `${detail}, next try in ${seconds} s` : detail }
}
