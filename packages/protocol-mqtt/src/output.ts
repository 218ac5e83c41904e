import type { Connection, Host, Load } from '@isomq/kernel'
import { PacketType } from './codec/packet.ts'
import type { MqttCounters, Unsent } from './mqtt-counters.ts'
import type { MqttOptions } from './options.ts'

const none = new Uint8Array(0)
// Nothing is ever added to it.
const nothing: Uint8Array[] = []
// A run of bytes this long is sent as it lies; a shorter one is copied among its neighbours.
const longRun = 4096
const smallRoom = 512
const largeRoom = 65_536
// What has gathered beyond this in one turn is sent before the turn is over: the socket can take it meanwhile.
const flushAt = 65_536

/**
 * Collects what goes out to one peer and sends it once per turn of the event loop. Bytes written after one another that
 * also lie after one another in memory are one run; nothing long is copied.
 */
export class Output implements Unsent {
  readonly #connection: Connection
  readonly #host: Host
  readonly #options: MqttOptions
  readonly #counters: MqttCounters
  readonly #reader: { stalled(): void }
  #runs = nothing
  #room: Uint8Array = none
  #roomStart = 0
  #roomEnd = 0
  #roomSize = smallRoom
  #from: Uint8Array = none
  #fromStart = 0
  #fromEnd = 0
  #gathered = 0
  #packets = 0
  /** PUBLISH packets of this turn, and the bytes of their payloads: added to the counters when they are sent. */
  #publishes = 0
  #payload = 0
  #scheduled = false
  #blocked = false
  #closed = false
  #sent = 0
  readonly #endTurn = (): void => {
    this.#scheduled = false
    this.flush()
  }

  /** `reader` is told each time the connection asks to wait. */
  constructor(
    connection: Connection,
    host: Host,
    rest: { options: MqttOptions; counters: MqttCounters; reader: { stalled(): void } },
  ) {
    this.#connection = connection
    this.#host = host
    this.#options = rest.options
    this.#counters = rest.counters
    this.#reader = rest.reader
  }

  /** Bytes written that have not left this process. */
  get unsent(): number {
    return this.#gathered + (this.#blocked ? this.#connection.bufferedAmount : 0)
  }

  get unsentPackets(): number {
    return this.#packets + this.#publishes
  }

  get load(): Load {
    if (!this.#blocked) return 0
    const { unsent } = this
    return unsent <= this.#options.unsentPause ? 0 : unsent <= this.#options.unsentLimit ? 1 : 2
  }

  /** Bytes that have left this process since the beginning. */
  get progress(): number {
    return this.#sent - this.#connection.bufferedAmount
  }

  /** True: the connection asked to wait, and has not said since that it drained. */
  get blocked(): boolean {
    return this.#blocked
  }

  /** Counts a packet that is being written. */
  packet(type: PacketType): void {
    this.#packets++
    this.#counters.packetsSent[type]!++
  }

  /** Counts a PUBLISH that is being written, with so many bytes of payload. */
  publish(payload: number): void {
    this.#publishes++
    this.#payload += payload
  }

  /** Writes bytes `start` to `end`, which nobody changes any more. */
  write(bytes: Uint8Array, start: number, end: number): void {
    if (this.#from === bytes && this.#fromEnd === start) this.#fromEnd = end
    else {
      this.#settle()
      this.#from = bytes
      this.#fromStart = start
      this.#fromEnd = end
    }
    this.#count(end - start)
  }

  /** Room for `size` bytes, to be written by the caller at once, at `place` of `room`. */
  reserve(size: number): void {
    // Before the room is taken: what the caller has still to write must not be sent.
    this.#count(0)
    this.#settle()
    if (this.#roomEnd + size > this.#room.length) this.#makeRoom(size)
    this.#roomEnd += size
    this.#gathered += size
  }

  /** Where the bytes asked for with `reserve` go. */
  get room(): Uint8Array {
    return this.#room
  }

  /** Place in `room` after the bytes last reserved. */
  get place(): number {
    return this.#roomEnd
  }

  /** Sends all that was written now. */
  flush(): void {
    // Often all of a turn is one run: many subscribers of one topic get it as it lies, uncopied. Not if it could lie there
    // for long, for the rest of its chunk would too.
    if (this.#runs.length > 0 || this.#roomEnd > this.#roomStart || this.#connection.bufferedAmount > 0) this.#settle()
    else this.#endRun()
    this.#endRoom()
    const runs = this.#runs
    if (runs.length === 0) return
    this.#runs = nothing
    this.#gathered = 0
    if (this.#closed) return
    this.#countPublishes()
    for (const run of runs) {
      this.#sent += run.length
      this.#counters.bytesSent += run.length
      if (!this.#connection.send(run)) this.#blocked = true
    }
    if (this.#blocked) this.#reader.stalled()
    else this.#packets = 0
  }

  /** The connection can take more. */
  drained(): void {
    this.#blocked = false
    if (this.#gathered === 0) this.#packets = 0
  }

  /** Sends what was written, and nothing any more. */
  close(): void {
    this.flush()
    this.#closed = true
  }

  #countPublishes(): void {
    const counters = this.#counters
    counters.packetsSent[PacketType.Publish]! += this.#publishes
    counters.publishBytesSent += this.#payload
    this.#packets += this.#publishes
    this.#publishes = this.#payload = 0
  }

  #count(size: number): void {
    this.#gathered += size
    if (this.#scheduled) {
      if (this.#gathered > flushAt) this.flush()
      return
    }
    this.#scheduled = true
    this.#host.defer(this.#endTurn)
  }

  /** Takes in the run that `write` has kept open. */
  #settle(): void {
    const size = this.#fromEnd - this.#fromStart
    if (size === 0) return
    if (size >= longRun) {
      this.#endRoom()
      this.#endRun()
      return
    }
    if (this.#roomEnd + size > this.#room.length) this.#makeRoom(size)
    this.#room.set(this.#from.subarray(this.#fromStart, this.#fromEnd), this.#roomEnd)
    this.#roomEnd += size
    this.#forgetRun()
  }

  /** What `write` has kept open is sent as it lies. */
  #endRun(): void {
    if (this.#fromEnd === this.#fromStart) return
    this.#push(this.#from.subarray(this.#fromStart, this.#fromEnd))
    this.#forgetRun()
  }

  #push(run: Uint8Array): void {
    if (this.#runs === nothing) this.#runs = [run]
    else this.#runs.push(run)
  }

  #forgetRun(): void {
    this.#from = none
    this.#fromStart = this.#fromEnd = 0
  }

  #makeRoom(size: number): void {
    this.#endRoom()
    // As much as a turn needs, so that a busy connection allocates seldom and a quiet one holds little.
    if (this.#gathered > this.#roomSize) this.#roomSize = Math.min(this.#roomSize * 2, largeRoom)
    else if (this.#gathered < this.#roomSize / 4) this.#roomSize = Math.max(this.#roomSize / 2, smallRoom)
    this.#room = new Uint8Array(Math.max(this.#roomSize, size))
    this.#roomStart = this.#roomEnd = 0
  }

  #endRoom(): void {
    if (this.#roomEnd === this.#roomStart) return
    this.#push(this.#room.subarray(this.#roomStart, this.#roomEnd))
    this.#roomStart = this.#roomEnd
    // What is left of the room serves the next turn, unless it is about as small as a frame.
    if (this.#room.length - this.#roomEnd >= 64) return
    this.#room = none
    this.#roomStart = this.#roomEnd = 0
  }
}
