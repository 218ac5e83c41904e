import { DeliveryFlag } from './consumer.ts'
import type { Core } from './core.ts'
import type { Grant } from './grant.ts'
import type { Group } from './group.ts'
import type { Message, Offset } from './message.ts'
import { encodeRow, joinKey, table } from './rows.ts'

/** A message under way to one session and not yet settled. */
export class Delivery {
  /** 1–65535, unlike that of every other delivery under way to the session. */
  readonly tag: number
  /** Place in the session log, or -1. */
  readonly offset: Offset
  /** The group it was taken from, to which it returns if this session leaves it. */
  readonly group: Group | undefined
  /** Its place among all messages of that group. */
  readonly order: number
  /** Undefined: to be read from the log. */
  message: Message | undefined = undefined
  grant: Grant | undefined = undefined
  /** Bits of `DeliveryFlag`. */
  flags: number
  /** True: the peer has it (QoS 2), and only the completion is missing. */
  accepted = false
  /** The wait for a durable row that it is part of, 0 for none. */
  held = 0
  /** True: the storage has a row for it, since its tag does not follow from its offset or its acceptance must survive. */
  row = false

  constructor(tag: number, offset: Offset, flags: number, from?: TakenFrom) {
    this.tag = tag
    this.offset = offset
    this.flags = flags
    this.group = from?.group
    this.order = from?.order ?? 0
  }
}

/** The group a message was taken from, and its place among all messages of that group. */
export interface TakenFrom {
  readonly group: Group
  readonly order: number
}

/** The tag a record has wherever that is free: it follows from its place, so it is the same again after a crash. */
export function tagOf(offset: Offset): number {
  return 1 + (offset % 65535)
}

/** How far it is from one tag up to another, past 65535 if need be. */
export function stepsBetween(from: number, to: number): number {
  return to < from ? to - from + 65535 : to - from
}

/** Writes what recovery cannot tell from the log: another tag than the offset's, an acceptance, a filter that is gone. */
export function writeRow(core: Core, session: string, delivery: Delivery): void {
  const { tag, offset, flags, accepted, group } = delivery
  delivery.row = true
  const row = encodeRow([offset, flags & DeliveryFlag.qos, accepted, group?.key ?? ''])
  core.committer.write(table.inflight, joinKey(session, String(tag)), row)
}

/** The delivery is settled: its row goes with the next batch. */
export function deleteRow(core: Core, session: string, delivery: Delivery): void {
  core.committer.writeLater(table.inflight, joinKey(session, String(delivery.tag)), undefined)
}
