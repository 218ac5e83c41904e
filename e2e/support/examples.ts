/** An example of a guide, which is a module. */
export interface Example {
  /** The heading it is under. */
  readonly heading: string
  /** Where it runs: `page`; nothing for Node. */
  readonly place: string
  readonly code: string
  /** What the guide says it prints; empty where it says nothing. */
  readonly output: string
}

/** The examples of a page of Markdown: fenced blocks of `js`, each with the block of `text` behind it. */
export function examplesOf(markdown: string): Example[] {
  const examples: Example[] = []
  let heading = ''
  const parts = /^#+ (.+)$|^```js ?(\w*)\n([^]*?)^```$(?:\s+^```text\n([^]*?)^```$)?/gm
  for (const [, title, place, code, output = ''] of markdown.matchAll(parts))
    if (title !== undefined) heading = title
    else examples.push({ heading, place: place!, code: code!, output })
  return examples
}
