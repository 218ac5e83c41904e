import { Link, type LinkHandler } from './link.ts'
import { forEachIndex } from './names.ts'
import type { Target } from './plan.ts'

/** Opens connections that do nothing after their handshake, and keeps them. */
export async function openIdle(target: Target, from: number, count: number): Promise<void> {
  const silent: LinkHandler = { publish: unexpected, control: unexpected, end: () => {} }
  await forEachIndex(count, async (index) => {
    const hello = target.kind === 'relay' ? `S${from + index}` : `bench-i${from + index}`
    await Link.open(target, hello, 0, silent)
  })
}

function unexpected(): void {
  throw new Error('an idle client received a packet')
}
