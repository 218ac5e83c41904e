import type { Socket } from 'node:net'

/** Whom a proxy speaks for. Undefined: for itself, as when it looks whether we are there. */
export interface Proxied {
  readonly address: string
  readonly port: number
}

const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')
/** Bytes of the longest line of version 1, its end included. */
const longestLine = 107
/** Bytes behind the head of version 2 that are taken: addresses, and what proxies add to them. */
const longestRest = 4096

/**
 * Reads the header of the PROXY protocol, version 1 or 2, with which every connection through a proxy begins; what comes
 * after it stays in the socket. Rejects where there is none, or a wrong one, or it takes longer than so many milliseconds.
 */
export function readProxyHeader(socket: Socket, timeout: number): Promise<Proxied | undefined> {
  return new Promise((resolve, reject) => {
    let bytes = Buffer.alloc(0)
    const stop = (): void => {
      clearTimeout(timer)
      socket.off('readable', read).off('end', ended).off('close', ended).off('error', failed)
    }
    const failed = (error: Error): void => {
      stop()
      reject(error)
    }
    const ended = (): void => failed(new Error('the connection ended within its PROXY header'))
    const read = (): void => {
      let chunk = socket.read() as Buffer | null
      for (; chunk !== null; chunk = socket.read() as Buffer | null) {
        bytes = Buffer.concat([bytes, chunk])
        try {
          const header = parseProxyHeader(bytes)
          if (header === undefined) continue
          // Without its listener the socket is in the next tick as it was before: it waits for the next who reads it.
          stop()
          if (header.length < bytes.length) socket.unshift(bytes.subarray(header.length))
          return resolve(header.from)
        } catch (error) {
          return failed(error as Error)
        }
      }
    }
    const timer = setTimeout(() => failed(new Error(`no PROXY header within ${timeout} ms`)), timeout)
    socket.on('readable', read).on('end', ended).on('close', ended).on('error', failed)
  })
}

/** A header, and how many bytes it has; undefined when more are needed. Throws when they are no header. */
export function parseProxyHeader(
  bytes: Buffer,
): { readonly length: number; readonly from: Proxied | undefined } | undefined {
  const known = Math.min(bytes.length, signature.length)
  if (bytes.subarray(0, known).equals(signature.subarray(0, known)))
    return known < signature.length ? undefined : parseBinary(bytes)
  return parseLine(bytes)
}

/** Version 1: `PROXY TCP4 192.0.2.1 198.51.100.1 56324 1883`, and for others `PROXY UNKNOWN …`. */
function parseLine(bytes: Buffer): ReturnType<typeof parseProxyHeader> {
  const begin = 'PROXY '
  const text = bytes.toString('latin1', 0, longestLine)
  if (!text.startsWith(begin.slice(0, text.length))) throw new Error('there is no PROXY header')
  const end = text.indexOf('\r\n')
  if (end < 0) {
    if (bytes.length >= longestLine) throw new Error('the PROXY header has no end')
    return undefined
  }
  const [, family, from = '', , port = ''] = text.slice(0, end).split(' ')
  const length = end + 2
  if (family === 'UNKNOWN') return { length, from: undefined }
  const isAddress = family === 'TCP4' ? /^\d{1,3}(\.\d{1,3}){3}$/ : /^[0-9a-f:.]{2,45}$/i
  if ((family !== 'TCP4' && family !== 'TCP6') || !isAddress.test(from) || !/^\d{1,5}$/.test(port))
    throw new Error('the PROXY header is malformed')
  return { length, from: { address: from, port: Number(port) } }
}

/** Version 2: the signature, version and command, family, length, addresses, and what else the proxy has to say. */
function parseBinary(bytes: Buffer): ReturnType<typeof parseProxyHeader> {
  if (bytes.length < 16) return undefined
  const [command, family, rest] = [bytes[12]!, bytes[13]!, bytes.readUInt16BE(14)]
  if (command !== 0x20 && command !== 0x21) throw new Error('the PROXY header has another version or command')
  if (rest > longestRest) throw new Error('the PROXY header is too long')
  const length = 16 + rest
  if (bytes.length < length) return undefined
  // The proxy itself, or a family whose addresses are none of a network.
  if (command === 0x20 || (family !== 0x11 && family !== 0x21)) return { length, from: undefined }
  const width = family === 0x11 ? 4 : 16
  if (rest < 2 * width + 4) throw new Error('the PROXY header is malformed')
  const address = bytes.subarray(16, 16 + width)
  const text = width === 4 ? Array.from(address).join('.') : ipv6(address)
  return { length, from: { address: text, port: bytes.readUInt16BE(16 + 2 * width) } }
}

function ipv6(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16))
  // As URLs have it: the longest run of zeros is left out.
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1)
}
