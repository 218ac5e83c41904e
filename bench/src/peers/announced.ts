import type { ChildProcess } from 'node:child_process'
import { end, start } from '../children.ts'
import { within } from '../deadline.ts'
import type { Target } from '../load/plan.ts'
import type { RunningPeer } from './peer.ts'

const START_MS = 60_000
const URL_PATTERN = /\b(mqtt|ws|relay):\/\/([\w.]+):(\d+)(\/[\w/.-]*)?/g
const KINDS: Readonly<Record<string, Target['kind']>> = { mqtt: 'tcp', ws: 'websocket', relay: 'relay' }

/** Starts a server that prints the URLs of its listeners, and waits for all of these kinds. */
export async function startAnnounced(
  command: readonly string[],
  kinds: readonly Target['kind'][],
): Promise<RunningPeer> {
  const child = start('broker', command, ['pipe', 'pipe', 'pipe'])
  try {
    const targets = await within(START_MS, 'the start', announced(child, kinds))
    return { pid: child.pid ?? 0, targets, stop: () => end(child) }
  } catch (error) {
    await end(child)
    throw error
  }
}

function announced(child: ChildProcess, kinds: readonly Target['kind'][]): Promise<Target[]> {
  let output = ''
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', () => reject(new Error(`it ended: ${output.trim().slice(-300)}`)))
    child.stderr?.on('data', (chunk) => (output = (output + String(chunk)).slice(-20_000)))
    child.stdout?.on('data', (chunk) => {
      output = (output + String(chunk)).slice(-20_000)
      // Whole lines only: a URL may arrive in two chunks.
      const targets = [...output.slice(0, output.lastIndexOf('\n') + 1).matchAll(URL_PATTERN)].map(targetOf)
      if (kinds.every((kind) => targets.some((target) => target.kind === kind))) resolve(targets)
    })
  })
}

function targetOf([, scheme = '', host = '', port = '', path = '/']: RegExpExecArray): Target {
  return { kind: KINDS[scheme] ?? 'tcp', host, port: Number(port), path }
}
