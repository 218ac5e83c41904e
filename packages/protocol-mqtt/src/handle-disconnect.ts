import type { Disconnect } from './codec/packet.ts'
import { ReasonCode } from './codec/reason-code.ts'
import type { Login } from './handle-connect.ts'
import type { Link } from './link.ts'

/** DISCONNECT: the client leaves, and may say how long its session is to stay. */
export function handleDisconnect(link: Link, { reasonCode, properties }: Disconnect, login: Login): void {
  const expiry = properties?.sessionExpiryInterval
  // Section 3.14.2.2.2: a session that was to end with its connection cannot be made to stay.
  const asked = login.connect.properties?.sessionExpiryInterval ?? 0
  if (expiry !== undefined && expiry > 0 && asked === 0)
    return link.fail(ReasonCode.ProtocolError, 'a session expiry in DISCONNECT where CONNECT had none')
  const milliseconds = expiry === undefined ? undefined : expiry === 0xffffffff ? Infinity : expiry * 1000
  // [MQTT-3.1.2-8] [MQTT-3.14.4-3]
  link.leave(reasonCode === ReasonCode.NormalDisconnection, milliseconds)
}
