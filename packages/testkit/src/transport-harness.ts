import type { Connection } from '@isomq/kernel'
import { assert, equal } from './assert.ts'
import type { Case } from './case.ts'
import { pattern, probe, type Probe, type ProbeOptions } from './probe.ts'

/**
 * How the suite reaches a transport. One harness serves one case.
 * Features a transport may lack: `backpressure` (a paused reader holds its peer back), `drop` (close with an error
 * discards what was not sent yet).
 */
export interface TransportHarness {
  /** Two ends of one new connection; neither is started. */
  link(): Promise<{ readonly client: Connection; readonly server: Connection }>
  /** Lets the event loop turn and the network move: about a millisecond. */
  turn(): Promise<void>
  /** Releases what `link` took. Called once, last. */
  close(): Promise<void>
}

/** One end under test: the connection and the probe that reads it once started. */
export interface End {
  readonly connection: Connection
  readonly seen: Probe
  readonly started: boolean
  /** Starts the connection with `seen`, which also does what is given here. */
  start(react?: ProbeOptions): void
}

/** What a transport case works with. */
export interface Ends {
  readonly client: End
  readonly server: End
  /** Starts both ends. */
  start(): void
  /** Waits until the condition holds; throws that it waited in vain after 4000 turns. */
  until(what: string, condition: () => boolean): Promise<void>
  /** Sends from this end until `send` returns false and no drain follows: the peer must be paused. Returns what was sent. */
  fill(end: End): Promise<Uint8Array>
  /** Long enough for anything that should not happen to happen. */
  idle(): Promise<void>
}

/** A case over one fresh link. Whatever it does, at the end both readers must have been closed exactly once, last, and alone. */
export function linkCase(
  name: string,
  body: (ends: Ends) => Promise<void>,
  ...needs: readonly ('backpressure' | 'drop')[]
): Case<TransportHarness> {
  return {
    name,
    needs,
    async run(harness) {
      const link = await harness.link()
      const ends = open(harness, makeEnd(link.client), makeEnd(link.server))
      try {
        await body(ends)
        await finish(ends)
      } finally {
        for (const end of [ends.client, ends.server]) end.connection.close(new Error('the case is over'))
        await harness.close()
      }
    },
  }
}

function open(harness: TransportHarness, client: End, server: End): Ends {
  const idle = async (): Promise<void> => {
    for (let i = 0; i < 10; i++) await harness.turn()
  }
  return {
    client,
    server,
    start() {
      client.start()
      server.start()
    },
    fill: (end) => fill(end, idle),
    async until(what, condition) {
      for (let i = 0; i < 4000; i++) {
        if (condition()) return
        await harness.turn()
      }
      throw new Error(`waited in vain for ${what}`)
    },
    idle,
  }
}

function makeEnd(connection: Connection): End {
  const reactions: ProbeOptions = {}
  const seen = probe(reactions)
  let started = false
  return {
    connection,
    seen,
    get started() {
      return started
    },
    start(react = {}) {
      assert(!started, 'a case starts each end once')
      started = true
      Object.assign(reactions, react)
      connection.start(seen)
    },
  }
}

async function finish({ client, server, until, idle }: Ends): Promise<void> {
  for (const end of [client, server]) {
    if (!end.started) end.start()
    end.connection.close()
    end.connection.resume()
  }
  await until('the end of both connections', () => client.seen.closes.length > 0 && server.seen.closes.length > 0)
  await idle()
  for (const [side, end] of [['client', client] as const, ['server', server] as const]) {
    equal(end.seen.closes.length, 1, `calls of the ${side} reader's close`)
    equal(end.seen.breaches.join(), '', `breaches at the ${side} reader`)
    equal(end.connection.bufferedAmount, 0, `the ${side}'s bufferedAmount after the end`)
  }
}

async function fill({ connection, seen }: End, idle: () => Promise<void>): Promise<Uint8Array> {
  const size = 256 * 1024
  const most = 256
  const parts: Uint8Array[] = []
  for (let drains = -1; drains !== seen.drains;) {
    drains = seen.drains
    let willing = true
    while (willing) {
      assert(parts.length < most, `send took ${most * size} bytes that nobody reads and did not say to wait`)
      const part = pattern(size, parts.length)
      // What is sent is given away.
      parts.push(part.slice())
      willing = connection.send(part)
    }
    equal(seen.drains, drains, 'drains inside send')
    // What the network and the peer's runtime still take they take now, and say so with a drain.
    await idle()
  }
  const all = new Uint8Array(parts.length * size)
  for (const [index, part] of parts.entries()) all.set(part, index * size)
  return all
}
