/** Milliseconds within which a message comes back, if at all. */
const patience = 10_000
/** More are not remembered. */
const most = 10_000

/**
 * What was sent to a broker that sends it back, since MQTT 3.1.1 cannot ask it not to: each comes back once, and is not
 * taken for another's. Equal messages are counted, so that another's is not lost for ours.
 */
export class Echoes {
  /** When those of each kind were sent, oldest first. */
  readonly #sent = new Map<string, number[]>()
  #count = 0

  /** This will come back. */
  expect(topic: string, payload: Uint8Array, now: number): void {
    if (this.#count >= most) this.#forget(now)
    if (this.#count >= most) return
    const key = keyOf(topic, payload)
    const times = this.#sent.get(key)
    if (times === undefined) this.#sent.set(key, [now])
    else times.push(now)
    this.#count++
  }

  /** Whether this has come back. */
  take(topic: string, payload: Uint8Array, now: number): boolean {
    const key = keyOf(topic, payload)
    this.#drop(key, now)
    const times = this.#sent.get(key)
    if (times === undefined) return false
    times.shift()
    this.#count--
    if (times.length === 0) this.#sent.delete(key)
    return true
  }

  /** Forgets what has not come back in time. */
  #drop(key: string, now: number): void {
    const times = this.#sent.get(key) ?? []
    const left = times.filter((time) => time >= now - patience)
    this.#count -= times.length - left.length
    if (left.length === 0) this.#sent.delete(key)
    else this.#sent.set(key, left)
  }

  #forget(now: number): void {
    for (const key of Array.from(this.#sent.keys())) this.#drop(key, now)
  }
}

/** Not the payload itself, which may be large: its length and a hash (FNV-1a), 32 bits. */
function keyOf(topic: string, payload: Uint8Array): string {
  let hash = 0x811c9dc5
  for (const byte of payload) hash = Math.imul(hash ^ byte, 0x01000193)
  return `${payload.length} ${hash >>> 0} ${topic}`
}
