import { formatNet, type Net, parseAddress, parseNet, widen } from './address.ts'
import type { Ban } from './bans.ts'
import { globMatcher } from './glob.ts'

/** Who wants in, or is in. */
export interface Visitor {
  readonly clientId: string
  readonly username?: string | undefined
  /** Numeric network address, where there is one. */
  readonly address?: string | undefined
}

/** All blocks of addresses that have the same prefix, by their bits. */
interface Blocks {
  readonly width: number
  readonly prefix: number
  readonly bans: Map<bigint, Ban>
}

interface Glob {
  readonly ban: Ban
  readonly matches: (text: string) => boolean
}

/** Finds the ban that covers somebody: what is exact by one look into a map, addresses by one for each prefix in use, and only globs by a scan. */
export class BanIndex {
  readonly #exact = { clientId: new Map<string, Ban>(), username: new Map<string, Ban>() }
  readonly #blocks = new Map<string, Blocks>()
  readonly #globs = new Map<string, Glob>()

  /** Takes a ban in; one of the same target is replaced. */
  add(ban: Ban): void {
    const { kind, match, value } = ban
    if (match === 'glob') this.#globs.set(`${kind} ${value}`, { ban, matches: globMatcher(value) })
    else if (kind !== 'address') this.#exact[kind].set(value, ban)
    else {
      const net = parseNet(value)!
      const key = blocksKey(net)
      let blocks = this.#blocks.get(key)
      if (blocks === undefined)
        this.#blocks.set(key, (blocks = { width: net.width, prefix: net.prefix, bans: new Map() }))
      blocks.bans.set(net.bits, ban)
    }
  }

  /** Forgets the ban of this target. */
  delete({ kind, match, value }: Ban): void {
    if (match === 'glob') this.#globs.delete(`${kind} ${value}`)
    else if (kind !== 'address') this.#exact[kind].delete(value)
    else {
      const net = parseNet(value)!
      this.#blocks.get(blocksKey(net))?.bans.delete(net.bits)
    }
  }

  /** A ban that covers this visitor and has not ended by `now`. */
  find(visitor: Visitor, now: number): Ban | undefined {
    const { clientId, username } = visitor
    const exact = this.#exact.clientId.get(clientId)
    if (holds(exact, now)) return exact
    const named = username === undefined ? undefined : this.#exact.username.get(username)
    if (holds(named, now)) return named
    const net = visitor.address === undefined ? undefined : parseAddress(visitor.address)
    for (const { width, prefix, bans } of this.#blocks.values()) {
      const ban = net?.width === width ? bans.get(widen(net, prefix).bits) : undefined
      if (holds(ban, now)) return ban
    }
    if (this.#globs.size === 0) return undefined
    const texts = { clientId, username, address: net === undefined ? visitor.address : formatNet(net) }
    for (const { ban, matches } of this.#globs.values()) {
      const text = texts[ban.kind]
      if (text !== undefined && holds(ban, now) && matches(text)) return ban
    }
    return undefined
  }
}

function blocksKey({ width, prefix }: Net): string {
  return `${width}/${prefix}`
}

function holds(ban: Ban | undefined, now: number): ban is Ban {
  return ban !== undefined && ban.until > now
}
