import type { Header } from '@isomq/kernel'

/** Names, one header each, the links a message has come over: a link passes on nothing that has come over it before. */
const name = 'isomq-via'

/** Whether a message with these headers has come over this link. */
export function hasPassed(headers: readonly Header[] | undefined, link: string): boolean {
  return headers?.some(([key, value]) => key === name && value === link) === true
}

/** The headers of a message that comes over this link now. */
export function passing(headers: readonly Header[] | undefined, link: string): readonly Header[] {
  return [...(headers ?? []), [name, link]]
}
