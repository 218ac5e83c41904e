import { randomBytes } from 'node:crypto'
import type { Clock, Host, Timer } from '@isomq/kernel'

/** setTimeout takes no longer delay than this; a longer one is waited for in parts. */
const longestDelay = 2 ** 31 - 1
const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
/** 22 characters of 62 are 131 bits. */
const idLength = 22
/** Rounds of tasks that defer tasks in one turn; then input is read again before the rest runs. */
const roundsPerTurn = 100

/**
 * What the kernel needs from Node (or Deno, or Bun): wall clock, timers, chance. Timers never keep the process alive.
 * `report` is told of every fault, those of deferred tasks too; if it throws itself, that is swallowed.
 */
export function nodeHost(report: (error: unknown, context: string) => void): Host {
  const safely = (error: unknown, context: string): void => {
    try {
      report(error, context)
    } catch {
      // There is nobody left to tell.
    }
  }
  return { clock: nodeClock, defer: deferrer(safely), randomId, report: safely }
}

/** Wall clock, and timers that never keep the process alive. A timer of `Infinity` never fires. */
export const nodeClock: Clock = {
  now: () => Date.now(),
  timer(milliseconds: number, callback: () => void): Timer {
    if (milliseconds === Infinity) return { cancel: () => undefined }
    return new NodeTimer(Math.max(0, milliseconds), callback)
  },
}

/** Every connection has one: no closures but where the delay is longer than Node's longest. */
class NodeTimer implements Timer {
  #handle: NodeJS.Timeout

  constructor(milliseconds: number, callback: () => void) {
    this.#handle = this.#wait(milliseconds, callback)
  }

  cancel(): void {
    clearTimeout(this.#handle)
  }

  #wait(milliseconds: number, callback: () => void): NodeJS.Timeout {
    if (milliseconds <= longestDelay) return setTimeout(callback, milliseconds).unref()
    return setTimeout(() => {
      this.#handle = this.#wait(milliseconds - longestDelay, callback)
    }, longestDelay).unref()
  }
}

/** One setImmediate drains the whole queue; tasks deferred meanwhile run in its next round. */
function deferrer(report: (error: unknown, context: string) => void): (task: () => void) => void {
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
    if (scheduled) setImmediate(drain)
  }
  return (task) => {
    queue.push(task)
    if (scheduled) return
    scheduled = true
    setImmediate(drain)
  }
}

function randomId(): string {
  let id = ''
  while (id.length < idLength) {
    for (const byte of randomBytes(32)) {
      // 248 is the largest multiple of 62 in a byte: without this cut the first letters would come more often.
      if (byte < 248 && id.length < idLength) id += alphabet[byte % 62]
    }
  }
  return id
}
