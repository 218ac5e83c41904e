import type { Principal } from '@isomq/kernel'
import { describe, expect, it } from 'vitest'
import { PacketType, type ProtocolVersion } from '../src/codec/packet.ts'
import { auth, connectWith, parrotBench } from './authentication.ts'
import { bench, guardOf } from './harness.ts'

/** Lets everybody in for so long, milliseconds of the bench's clock. */
function guardFor(milliseconds: () => number, now: () => number): ReturnType<typeof guardOf> {
  return guardOf({
    authenticate: ({ clientId, username }): Promise<Principal> =>
      Promise.resolve({ clientId, username, until: now() + milliseconds() }),
  })
}

describe('a login that ends', () => {
  it.each<ProtocolVersion>([3, 4, 5])(
    'ends the connection of version %i, and the session lives on',
    async (version) => {
      let now = (): number => 0
      const b = await bench({
        guard: guardFor(
          () => 5000,
          () => now(),
        ),
      })
      now = () => b.host.clock.now()
      const client = await b.connect({
        version,
        clientId: 'c',
        cleanStart: false,
        ...(version === 5 ? { properties: { sessionExpiryInterval: 100 } } : {}),
      })
      await b.host.advance(4999)
      expect(client.closed).toBe(false)
      await b.host.advance(1)
      if (version === 5) expect(client.expect(PacketType.Disconnect).reasonCode).toBe(0x87)
      expect(client.closed).toBe(true)
      expect(b.broker.sessions.get('c')?.consumer).toBeUndefined()
      // One that has gone before leaves nothing behind that would end the next.
      const again = await b.connect({ version, clientId: 'd' })
      await again.hangUp()
      const next = await b.connect({ version, clientId: 'd' })
      await b.host.advance(4000)
      expect(next.closed).toBe(false)
    },
  )

  it('goes on where the client has proven anew who it is, and not where it has not', async () => {
    let now = (): number => 0
    let lasts = 5000
    const b = await parrotBench({
      guard: guardFor(
        () => lasts,
        () => now(),
      ),
    })
    now = () => b.host.clock.now()
    const client = await b.connect(connectWith('I am also ann'))
    await b.host.advance(4000)
    lasts = 10_000
    await client.send(auth(0x19, 'I am also ann'))
    expect(client.expect(PacketType.Auth).reasonCode).toBe(0)
    await b.host.advance(9000)
    expect(client.closed).toBe(false)
    await b.host.advance(1000)
    expect(client.expect(PacketType.Disconnect).reasonCode).toBe(0x87)
  })
})
