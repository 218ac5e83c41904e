import type { Clock, Host, Timer } from '@isomq/kernel'

/** Platforms take no longer delay than this; a longer one is waited for in parts. */
const longestDelay = 2 ** 31 - 1
const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
/** 22 characters of 62 are 131 bits. */
const idLength = 22
/** Rounds of tasks that defer tasks in one turn; then input is read again before the rest runs. */
const roundsPerTurn = 100

/**
 * What the kernel needs, from whatever JavaScript runs on: a page, a worker, Node, Deno, Bun. Timers do not keep a
 * process alive.
 */
export function platformHost(report: Host['report']): Host {
  const safely: Host['report'] = (error, context) => {
    try {
      report(error, context)
    } catch {
      // There is nobody left to tell.
    }
  }
  return { clock, defer: deferrer(safely), randomId, report: safely }
}

const clock: Clock = {
  now: () => Date.now(),
  timer(milliseconds: number, callback: () => void): Timer {
    if (milliseconds === Infinity) return { cancel: () => undefined }
    let left = Math.max(0, milliseconds)
    let handle: ReturnType<typeof setTimeout> | number
    const wait = (): void => {
      const part = Math.min(left, longestDelay)
      left -= part
      handle = setTimeout(left > 0 ? wait : callback, part)
      // A number in browsers.
      if (typeof handle === 'object') handle.unref()
    }
    wait()
    return { cancel: () => clearTimeout(handle) }
  },
}

/** One macrotask runs the whole queue; tasks deferred meanwhile run in its next round. */
function deferrer(report: Host['report']): (task: () => void) => void {
  let queue: (() => void)[] = []
  let scheduled = false
  const drain = (): void => {
    for (let round = 0; round < roundsPerTurn && queue.length > 0; round++) {
      const tasks = queue
      queue = []
      for (const task of tasks) {
        try {
          task()
        } catch (error) {
          report(error, 'deferred task')
        }
      }
    }
    scheduled = queue.length > 0
    if (scheduled) soon()
  }
  const soon = macrotask(drain)
  return (task) => {
    queue.push(task)
    if (scheduled) return
    scheduled = true
    soon()
  }
}

/** How to have this called in a turn of its own, behind the input that is already there. */
function macrotask(callback: () => void): () => void {
  if (typeof globalThis.setImmediate === 'function') return () => void setImmediate(callback)
  // Timers of a browser wait for 4 ms, and for a second where the page is hidden; messages do not.
  const { port1, port2 } = new MessageChannel()
  port1.addEventListener('message', callback)
  port1.start()
  return () => port2.postMessage(undefined)
}

function randomId(): string {
  let id = ''
  while (id.length < idLength) {
    for (const byte of crypto.getRandomValues(new Uint8Array(32))) {
      // 248 is the largest multiple of 62 in a byte: without this cut the first letters would come more often.
      if (byte < 248 && id.length < idLength) id += alphabet[byte % 62]!
    }
  }
  return id
}
