/** Texts, marks of structure, and everything else that is one value. */
const tokens = /"(?:[^"\\]|\\.)*"|[{}[\]:,]|[^\s"{}[\]:,]+/gs

/**
 * Lays a JSON text out as mosquitto_sub does with `--pretty`: a line for each member of an object, lists on the line they
 * begin on. Every value stays as it is written, for reading it would change numbers that a double cannot hold.
 */
export function prettyJson(text: string): string {
  const open: ('{' | '[')[] = []
  const line = (depth: number): string => `\n${'\t'.repeat(depth)}`
  let out = ''
  let begun = false
  for (const [token] of text.matchAll(tokens)) {
    if (token === '}') {
      open.pop()
      out += `${line(open.length)}}`
    } else if (token === ']') {
      open.pop()
      out += ']'
    } else if (token === ',') {
      out += open.at(-1) === '{' ? `,${line(open.length)}` : ', '
    } else if (token === ':') {
      out += ':\t'
    } else {
      if (begun) out += line(open.length)
      out += token
      if (token === '{' || token === '[') open.push(token)
    }
    begun = token === '{'
  }
  return out
}
