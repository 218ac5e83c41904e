import type { Broker, PeerInfo, Place, Principal, Session } from '@isomq/kernel'
import type { ControlPacket } from './codec/packet.ts'
import type { Login } from './handle-connect.ts'
import type { MqttOptions } from './options.ts'
import type { Outgoing } from './outgoing.ts'
import type { Replies } from './replies.ts'
import type { Rewrite } from './rewrite.ts'

/** What a client's way in needs of its connection. */
export interface Door {
  readonly broker: Broker
  readonly options: MqttOptions
  readonly peer: PeerInfo
  /** Of the connection, among all of the broker. */
  readonly place: Place
  readonly replies: Replies
  readonly rewrite: Rewrite | undefined
  /** The connection is over. To be asked after every wait. */
  readonly closed: boolean
  send(packet: ControlPacket): void
  /** Says why and closes. */
  fail(reason: number, detail: string): void
  /** Closes without a word; with `forgetWill` the client has said farewell. */
  leave(forgetWill: boolean, expiry: number | undefined): void
  /** Reports a fault of ours and closes. */
  failed(error: unknown): void
  /** The delivering side for a client that asked for this. */
  makeOutgoing(login: Login): Outgoing
  /** The client, who is in, has proven anew who it is. */
  renew(principal: Principal): void
  /** The client has its session. */
  enter(entered: Entered): void
}

/** A client that was let in. */
export interface Entered {
  readonly login: Login
  readonly principal: Principal
  readonly session: Session
  /** True: the session was there before. */
  readonly resumed: boolean
  readonly outgoing: Outgoing
}
