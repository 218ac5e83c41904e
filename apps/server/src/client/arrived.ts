import type { IPublishPacket } from 'mqtt-packet'

/** A message, and when it came (milliseconds since the epoch). */
export interface Arrived {
  readonly message: IPublishPacket
  readonly time: number
}

/** The payload as bytes. */
export function payloadOf({ payload }: IPublishPacket): Buffer {
  return typeof payload === 'string' ? Buffer.from(payload) : payload
}
