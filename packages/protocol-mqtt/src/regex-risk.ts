/** A group of a regular expression that is being read. */
interface Group {
  repeats: boolean
  alternates: boolean
}

/**
 * Why a regular expression (a valid one) might take time that grows exponentially with the text, or undefined. Said no
 * to are a repetition within a repetition, alternatives within a repetition, and references back: without them the time
 * is a power of the text's length. That this refuses harmless ones too is its price.
 */
export function regexRisk(source: string): string | undefined {
  const groups: Group[] = [{ repeats: false, alternates: false }]
  let last: Group | undefined
  for (let i = 0; i < source.length; i++) {
    const char = source[i]!
    const group = groups.at(-1)!
    const quantifier = quantifierAt(source, i)
    if (quantifier !== undefined) {
      i += quantifier.length - 1
      if (!isRepetition(quantifier)) continue
      if (last?.repeats === true) return 'must not repeat what repeats in itself'
      if (last?.alternates === true) return 'must not repeat a group of alternatives; write a class such as [ab]'
      group.repeats = true
      continue
    }
    last = undefined
    if (char === '\\') {
      if (/[1-9k]/.test(source[i + 1]!)) return 'must not refer back to a group'
      i++
    } else if (char === '[') i = endOfClass(source, i)
    else if (char === '|') group.alternates = true
    else if (char === '(') groups.push({ repeats: false, alternates: false })
    else if (char === ')') {
      last = groups.pop()!
      const outer = groups.at(-1)!
      outer.repeats ||= last.repeats
      outer.alternates ||= last.alternates
    }
  }
  return undefined
}

function quantifierAt(source: string, i: number): string | undefined {
  return /^(?:[*+?]|\{\d+(?:,\d*)?\})\??/.exec(source.slice(i, i + 40))?.[0]
}

function isRepetition(quantifier: string): boolean {
  return !/^(?:\?|\{[01](?:,[01])?\})/.test(quantifier)
}

function endOfClass(source: string, start: number): number {
  let i = start + 1
  while (source[i] !== ']') i += source[i] === '\\' ? 2 : 1
  return i
}
