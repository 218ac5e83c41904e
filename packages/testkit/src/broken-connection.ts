import type { Connection, ConnectionReader } from '@isomq/kernel'

type Break = (inner: Connection) => Partial<Omit<Connection, 'peer' | 'bufferedAmount'>>

/** A connection that breaks its contract in this one way (of `connectionFaults`) and keeps it otherwise. The suite must reject each. */
export function brokenConnection(inner: Connection, fault: string): Connection {
  const change = faults[fault]
  if (change === undefined) throw new Error(`no such fault: ${fault}`)
  return {
    peer: inner.peer,
    get bufferedAmount() {
      return fault === 'bufferedAmount is always 0' ? 0 : inner.bufferedAmount
    },
    start: (reader) => inner.start(reader),
    send: (bytes) => inner.send(bytes),
    pause: () => inner.pause(),
    resume: () => inner.resume(),
    close: (error) => inner.close(error),
    ...change(inner),
  }
}

/** The same reader with some calls answered differently. */
function reading(
  inner: Connection,
  change: (reader: ConnectionReader) => Partial<ConnectionReader>,
): Partial<Connection> {
  return {
    start: (reader) =>
      inner.start({
        data: (bytes) => reader.data(bytes),
        drain: () => reader.drain(),
        close: (error) => reader.close(error),
        ...change(reader),
      }),
  }
}

const faults: Readonly<Record<string, Break>> = {
  'loses a byte in ten thousand': (inner) => {
    let sent = 0
    return {
      send(bytes) {
        sent += bytes.length
        return inner.send(sent > 10_000 ? bytes.subarray(1) : bytes)
      },
    }
  },
  'reuses one buffer': (inner) => {
    const buffer = new Uint8Array(8 * 1024 * 1024)
    return reading(inner, (reader) => ({
      data(bytes) {
        buffer.set(bytes)
        reader.data(buffer.subarray(0, bytes.length))
      },
    }))
  },
  'sends the whole buffer of a view': (inner) => ({ send: (bytes) => inner.send(new Uint8Array(bytes.buffer)) }),
  'writes to what it sends': (inner) => ({
    send(bytes) {
      const answer = inner.send(bytes.slice())
      if (bytes.length > 0) bytes[0] = ~(bytes[0] ?? 0)
      return answer
    },
  }),
  'send is always true': (inner) => ({
    send(bytes) {
      inner.send(bytes)
      return true
    },
  }),
  'drain never comes': (inner) => reading(inner, () => ({ drain: () => undefined })),
  'drain after every data': (inner) =>
    reading(inner, (reader) => ({
      data(bytes) {
        reader.data(bytes)
        reader.drain()
      },
    })),
  'bufferedAmount is always 0': () => ({}),
  'pause does nothing': () => ({ pause: () => undefined }),
  'resume does nothing': () => ({ resume: () => undefined }),
  'close does nothing': () => ({ close: () => undefined }),
  'close drops what was sent': (inner) => ({ close: (error) => inner.close(error ?? new Error('dropped')) }),
  'close flushes in spite of an error': (inner) => ({ close: () => inner.close() }),
  'close reported twice': (inner) =>
    reading(inner, (reader) => ({
      close(error) {
        reader.close(error)
        reader.close(error)
      },
    })),
  'close reported inside data': (inner) => {
    let tell: ((error?: Error) => void) | undefined
    return {
      ...reading(inner, (reader) => {
        let told = false
        tell = (error) => {
          if (!told) reader.close(error)
          told = true
        }
        return { close: tell }
      }),
      close(error) {
        inner.close(error)
        tell?.(error)
      },
    }
  },
  'close never reported': (inner) => reading(inner, () => ({ close: () => undefined })),
  'the error of close is lost': (inner) => reading(inner, (reader) => ({ close: () => reader.close() })),
  'send goes on after close': (inner) => {
    let closed = false
    return {
      send: (bytes) => inner.send(bytes) || closed,
      close(error) {
        closed = true
        inner.close(error)
      },
    }
  },
}

/** The names of all faults, for `brokenConnection`. */
export const connectionFaults: readonly string[] = Object.keys(faults)
