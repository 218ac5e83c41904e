/** `checklist/<list>/<item>`, and `checklist/<list>/-` for the list itself. */
export function topicOf(list: string, item: string = listItself): string {
  return `checklist/${list}/${item}`
}

/** The item's name that stands for its list. */
export const listItself = '-'

/** The list and the item that a topic is of. */
export function placeOf(topic: string): { readonly list: string; readonly item: string } | undefined {
  const [root, list, item, more] = topic.split('/')
  if (root !== 'checklist' || !list || !item || more !== undefined) return undefined
  return { list, item }
}

/** What the worker tells the pages of one device, and nobody else. */
export const local = {
  link: 'device/link',
  unsent: 'device/unsent',
  refused: 'device/refused',
  wake: 'device/wake',
} as const
