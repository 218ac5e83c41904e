import 'fake-indexeddb/auto'

let made = 0

/** The name of a database that no other test has. */
export function freshName(): string {
  return `isomq-test-${++made}`
}
