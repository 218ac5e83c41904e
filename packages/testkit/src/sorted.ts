/** A sorted copy; the language level of this package has no `toSorted`. */
export function sorted<T>(values: Iterable<T>, compare: (a: T, b: T) => number): T[] {
  const copy = [...values]
  copy.sort(compare)
  return copy
}
