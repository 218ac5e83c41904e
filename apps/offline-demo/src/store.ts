import { create } from 'zustand'
import { type Entry, merge } from './checklist.ts'
import type { LinkState } from './link-state.ts'

/** Somebody who has the app open somewhere. */
export interface Person {
  readonly name: string
  readonly device: string
}

/** Everything that is shown. */
export interface State {
  /** Whether the broker of this device has been reached. */
  readonly attached: boolean
  /** Everything kept has been read. */
  readonly loaded: boolean
  /** By topic. */
  readonly entries: ReadonlyMap<string, Entry>
  /** Topics whose last edit the server does not have yet. */
  readonly unsent: ReadonlySet<string>
  readonly people: ReadonlyMap<string, Person>
  readonly link: LinkState | undefined
  /** Where the broker runs, in words. */
  readonly host: string
  readonly name: string
  readonly list: string
  readonly filter: 'all' | 'open' | 'done'
  /** What went wrong last, for a while. */
  readonly notice: string | undefined
}

/** What is shown, for components to watch and for everything else to change. */
export const useStore = create<State>(() => ({
  attached: false,
  loaded: false,
  entries: new Map(),
  unsent: new Set(),
  people: new Map(),
  link: undefined,
  host: '',
  name: '',
  list: localStorage.getItem('fieldlist.list') ?? 'inspection',
  filter: 'all',
  notice: undefined,
}))

/** Takes in what was said of an entry. Returns what is known now. */
export function takeIn(topic: string, entry: Entry): Entry {
  const { entries } = useStore.getState()
  const known = merge(entries.get(topic) ?? {}, entry)
  useStore.setState({ entries: new Map(entries).set(topic, known) })
  return known
}
