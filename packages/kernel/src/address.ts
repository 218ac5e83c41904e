/** A block of network addresses that begin with the same bits; a single address is a block of one. */
export interface Net {
  /** Bits of an address: 32 in IPv4, 128 in IPv6. */
  readonly width: 32 | 128
  /** How many of them are fixed. */
  readonly prefix: number
  /** The fixed ones, as a number. */
  readonly bits: bigint
}

const mapped = 0xffffn << 32n

/**
 * Reads a numeric address, or a block of them such as `10.0.0.0/8` or `2001:db8::/32`. IPv4 within IPv6
 * (`::ffff:10.0.0.1`) is IPv4, a zone (`%eth0`) is left out, bits behind the prefix do not count. Undefined when it is neither.
 */
export function parseNet(text: string): Net | undefined {
  const slash = text.indexOf('/')
  const address = slash < 0 ? text : text.slice(0, slash)
  const v4 = parse4(address)
  const v6 = v4 === undefined ? parse6(address) : undefined
  const width = v4 === undefined ? 128 : 32
  const prefix = slash < 0 ? width : parseDecimal(text.slice(slash + 1), width)
  const value = v4 ?? v6
  if (value === undefined || prefix === undefined) return undefined
  if (width === 128 && prefix >= 96 && value >> 32n === mapped >> 32n) return cut(value & 0xffffffffn, prefix - 96, 32)
  return cut(value, prefix, width)
}

/** Reads a single address. Undefined when it is none, or a block. */
export function parseAddress(text: string): Net | undefined {
  return text.includes('/') ? undefined : parseNet(text)
}

/** The larger block with this shorter prefix around a block. */
export function widen(net: Net, prefix: number): Net {
  return { width: net.width, prefix, bits: net.bits >> BigInt(net.prefix - prefix) }
}

/** As it is usually written: dotted, or as RFC 5952 says; with `/prefix` unless it is a single address. */
export function formatNet({ width, prefix, bits }: Net): string {
  const value = bits << BigInt(width - prefix)
  const address = width === 32 ? format4(value) : format6(value)
  return prefix === width ? address : `${address}/${prefix}`
}

function cut(value: bigint, prefix: number, width: 32 | 128): Net {
  return { width, prefix, bits: value >> BigInt(width - prefix) }
}

function parse4(text: string): bigint | undefined {
  const parts = text.split('.', 5)
  if (parts.length !== 4) return undefined
  let value = 0n
  for (const part of parts) {
    const byte = parseDecimal(part, 255)
    if (byte === undefined) return undefined
    value = (value << 8n) | BigInt(byte)
  }
  return value
}

/** No leading zeros: some read them as octal. */
function parseDecimal(text: string, most: number): number | undefined {
  return /^(0|[1-9]\d{0,2})$/.test(text) && Number(text) <= most ? Number(text) : undefined
}

function parse6(text: string): bigint | undefined {
  const [address = ''] = text.split('%', 1)
  const halves = address.split('::', 3)
  if (halves.length > 2) return undefined
  const groups = halves.map((half, index) => parseGroups(half, index === halves.length - 1))
  const [head, tail] = groups
  if (head === undefined || (halves.length === 2 && tail === undefined)) return undefined
  const zeros = 8 - head.length - (tail?.length ?? 0)
  // `::` stands for at least one group.
  if (tail === undefined ? zeros !== 0 : zeros < 1) return undefined
  return [...head, ...Array<bigint>(zeros).fill(0n), ...(tail ?? [])].reduce(
    (value, group) => (value << 16n) | group,
    0n,
  )
}

/** The last group may be written as an IPv4 address, where the whole address ends. */
function parseGroups(text: string, ends: boolean): bigint[] | undefined {
  if (text === '') return []
  const groups: bigint[] = []
  const parts = text.split(':', 9)
  for (const [index, part] of parts.entries()) {
    const v4 = ends && index === parts.length - 1 ? parse4(part) : undefined
    if (v4 !== undefined) groups.push(v4 >> 16n, v4 & 0xffffn)
    else if (/^[0-9a-f]{1,4}$/i.test(part)) groups.push(BigInt(`0x${part}`))
    else return undefined
  }
  return groups
}

function format4(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 0xffn)).join('.')
}

function format6(value: bigint): string {
  const groups = Array.from({ length: 8 }, (_, i) => ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16))
  let [start, length] = [0, 1]
  for (let from = 0; from < 8; from++) {
    let to = from
    while (to < 8 && groups[to] === '0') to++
    if (to - from > length) [start, length] = [from, to - from]
  }
  if (length < 2) return groups.join(':')
  return `${groups.slice(0, start).join(':')}::${groups.slice(start + length).join(':')}`
}
