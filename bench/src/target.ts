import type { Target } from './load/plan.ts'
import type { RunningPeer } from './peers/peer.ts'

/** Where a load of this transport connects, if the peer has it. The relay's one listener stands in for TCP. */
export function targetFor(running: RunningPeer, transport: 'tcp' | 'websocket'): Target | undefined {
  return running.targets.find(({ kind }) => kind === transport || (kind === 'relay' && transport === 'tcp'))
}
