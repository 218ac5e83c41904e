import type { Ban } from './bans.ts'
import type { PeerInfo } from './connection.ts'
import type { ErrorCode } from './errors.ts'
import type { Message } from './message.ts'
import type { Principal } from './guard.ts'
import type { SubscriptionOptions } from './subscription.ts'

/** Why a message did not reach somebody it was for. */
export type DropReason =
  | 'expired'
  | 'memory-short'
  | 'not-authorized'
  | 'queue-full'
  | 'rejected'
  | 'slow-consumer'
  | 'too-large'

/** Everything that can be watched. A closed union: a new kind is a change of this file. */
export type BrokerEvent =
  | {
      readonly type: 'connected'
      readonly session: string
      readonly principal: Principal
      readonly peer: PeerInfo
      readonly resumed: boolean
    }
  | { readonly type: 'disconnected'; readonly session: string; readonly reason: ErrorCode | 'closed' | 'lost' }
  | { readonly type: 'session-ended'; readonly session: string }
  /** A filter that was not there before; new options for one that was tell nothing. */
  | {
      readonly type: 'subscribed'
      readonly session: string
      readonly filter: string
      readonly options: SubscriptionOptions
    }
  | {
      readonly type: 'unsubscribed'
      readonly session: string
      readonly filter: string
      readonly group: string | undefined
    }
  | {
      readonly type: 'dropped'
      readonly session: string
      readonly reason: DropReason
      /** Of the first, if there are several. */
      readonly topic: string
      readonly count: number
    }
  | { readonly type: 'refused'; readonly peer: PeerInfo; readonly detail: string }
  | { readonly type: 'banned'; readonly ban: Ban }
  /** It was taken back, ended, or gave way to another. */
  | { readonly type: 'unbanned'; readonly ban: Ban }
  /** More memory is in use than may be: who is here is served on, who comes is not. Bytes. */
  | { readonly type: 'memory-short'; readonly bytes: number; readonly limit: number }
  /** There is enough again, which there was not `since` that time. */
  | { readonly type: 'memory-recovered'; readonly since: number }
  | { readonly type: 'retained'; readonly message: Message }
  /** It begins to fail; told once, until it works again. */
  | { readonly type: 'storage-failed'; readonly error: unknown }
  /** Everything works again that did not `since` that time. */
  | { readonly type: 'storage-recovered'; readonly since: number }
  | { readonly type: 'recovered'; readonly sessions: number; readonly records: number; readonly retained: number }
