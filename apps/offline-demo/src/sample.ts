import { type Edit, edit, type Entry } from './checklist.ts'
import { topicOf } from './topics.ts'

const list = 'inspection'
const items = [
  'Sign in at the gate and collect a radio',
  'Photograph the north scaffold, all four levels',
  'Check guard rails and toe boards on level 3',
  'Read the water meter behind pump house B',
  'Test both emergency stops at the conveyor',
  'Count extinguishers; note any past their date',
  'Walk the drainage channel to the culvert',
  'Hand the keys back and sign out',
] as const
const note: ReadonlyMap<number, string> = new Map([
  [3, 'The cover is heavy: two people.'],
  [6, 'No signal down there. It will send itself later.'],
])

/** What a new device begins with: the same entries, by name and time, as every other new device. */
export function sampleEntries(): ReadonlyMap<string, Entry> {
  const said = { at: '000000000.0000.sample', by: '' }
  const entries = new Map<string, Entry>([[topicOf(list), edit({}, { name: 'Site inspection' }, said)]])
  for (const [i, text] of items.entries()) {
    const what: Edit = note.has(i) ? { text, note: note.get(i)! } : { text }
    entries.set(topicOf(list, `0000${i}`), edit({}, what, said))
  }
  return entries
}
