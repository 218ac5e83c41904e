import { isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, type Document } from 'yaml'
import { flatten } from './flatten.ts'
import type { Layer, Source } from './source.ts'

/** The keys of a JSON or YAML text, each with its line. `name` is the file's name in messages. */
export function readDocument(text: string, name: string, json: boolean): Layer {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const at = (offset: number): Source => ({ kind: 'file', name, line: lines.linePos(offset).line })
  const strict = json ? jsonFault(text) : undefined
  if (strict !== undefined)
    return { assignments: [], problems: [{ source: at(strict.offset), message: strict.message }] }
  if (document.errors.length > 0) {
    return {
      assignments: [],
      problems: document.errors.map((error) => ({ source: at(error.pos[0]), message: error.message })),
    }
  }
  if (document.contents === null) return { assignments: [], problems: [] }
  return flatten(document.toJS(), '', (path) => {
    const offset = offsetOf(document, path)
    return offset === undefined ? { kind: 'file', name } : at(offset)
  })
}

/** YAML takes almost all JSON and more: what only YAML takes is still a fault in a JSON file. */
function jsonFault(text: string): { readonly message: string; readonly offset: number } | undefined {
  try {
    JSON.parse(text)
    return undefined
  } catch (error) {
    const message = (error as Error).message.replaceAll(/\s+/g, ' ')
    const [, position = Infinity] = / at position (\d+)/.exec(message) ?? []
    // Where the end is the fault the line is the last that holds something.
    const offset = Math.min(Number(position), text.trimEnd().length)
    return { message: `is not valid JSON: ${message.replace(/ at position \d+.*/, '')}`, offset }
  }
}

/** Where the key at this path is written. */
function offsetOf(document: Document.Parsed, path: string): number | undefined {
  let node: unknown = document.contents
  let offset: number | undefined
  for (const name of path === '' ? [] : path.split('.')) {
    if (isSeq(node)) {
      const part = node.items[Number(name)]
      if (!isNode(part)) return offset
      offset = part.range?.[0]
      node = part
      continue
    }
    if (!isMap(node)) return offset
    const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === name)
    if (pair === undefined) return offset
    offset = isScalar(pair.key) ? pair.key.range?.[0] : undefined
    node = pair.value
  }
  return offset
}
