/**
 * A test of whole texts against a pattern in which `*` stands for any characters and `?` for one UTF-16 unit. At most
 * pattern times text steps, whatever they are: nothing is ever tried again.
 */
export function globMatcher(pattern: string): (text: string) => boolean {
  const [first = '', ...middle] = pattern.split('*')
  const last = middle.pop()
  if (last === undefined) return (text) => text.length === first.length && isAt(text, first, 0)
  return (text) => {
    const end = text.length - last.length
    let at = first.length
    if (at > end || !isAt(text, first, 0) || !isAt(text, last, end)) return false
    // The leftmost place of each piece leaves most room for those behind it.
    for (const piece of middle) {
      const found = find(text, piece, at)
      if (found < 0) return false
      at = found + piece.length
    }
    return at <= end
  }
}

function isAt(text: string, piece: string, at: number): boolean {
  for (let i = 0; i < piece.length; i++) if (piece[i] !== '?' && piece[i] !== text[at + i]) return false
  return true
}

function find(text: string, piece: string, from: number): number {
  if (!piece.includes('?')) return text.indexOf(piece, from)
  for (let at = from; at + piece.length <= text.length; at++) if (isAt(text, piece, at)) return at
  return -1
}
