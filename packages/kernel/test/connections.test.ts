import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ConnectionTable } from '../src/connections.ts'
import { defaultLimits, type Limits, type Place } from '../src/index.ts'

function table(limits: Partial<Limits>) {
  const connections = new ConnectionTable({ ...defaultLimits, ...limits })
  const ended: string[] = []
  const arrive = (address?: string): Place | undefined =>
    connections.arrive({ transport: 'test', secure: false, address }, (reason) => ended.push(`${address} ${reason}`))
  /** What becomes of one connection after the other. */
  const outcomes = (...addresses: (string | undefined)[]): string[] =>
    addresses.map((address) => {
      const place = arrive(address)
      return place === undefined ? 'closed' : (place.refusal ?? 'in')
    })
  return { connections, ended, arrive, outcomes }
}

describe('connections', () => {
  it('beyond the limit are told, as many again, and then closed', () => {
    const { connections, outcomes } = table({ connections: 2 })
    expect(outcomes('1.1.1.1', undefined, '2.2.2.2', '3.3.3.3', '4.4.4.4')).toEqual([
      'in',
      'in',
      'quota-exceeded',
      'quota-exceeded',
      'closed',
    ])
    expect(connections.size).toBe(4)
  })

  it('beyond the limit of their address do not count for others', () => {
    const { connections, outcomes } = table({ connectionsPerAddress: 1 })
    expect(outcomes('1.1.1.1', '::ffff:1.1.1.1', '1.1.1.1')).toEqual(['in', 'quota-exceeded', 'closed'])
    expect(outcomes('1.1.1.2', undefined, undefined, undefined)).toEqual(['in', 'in', 'in', 'in'])
    expect(connections.size).toBe(6)
  })

  it('from one /64 of IPv6 are from one address', () => {
    const { outcomes } = table({ connectionsPerAddress: 1 })
    expect(outcomes('2001:db8::1', '2001:db8::ffff:1', '2001:db8:0:1::1')).toEqual(['in', 'quota-exceeded', 'in'])
  })

  it('that were refused take no place from those that may come in', () => {
    const { arrive, outcomes } = table({ connections: 1 })
    const [first, refused] = [arrive(), arrive()]
    first?.leave()
    first?.leave()
    expect(outcomes('a', 'b')).toEqual(['in', 'closed'])
    refused?.leave()
    expect(outcomes('c')).toEqual(['quota-exceeded'])
  })

  it('leave no address behind, also where they were closed at once', () => {
    const { connections, arrive } = table({ connections: 1, connectionsPerAddress: 5 })
    const places = ['1.1.1.1', '1.1.1.2', '1.1.1.3'].map(arrive)
    expect([places[2], connections.addresses]).toEqual([undefined, 2])
    for (const place of places) place?.leave()
    expect(connections.addresses).toBe(0)
  })

  it('that are still here when the broker closes are ended', () => {
    const { connections, ended, arrive } = table({ connections: 2 })
    const gone = arrive('1.1.1.1')
    arrive('2.2.2.2')
    gone?.leave()
    connections.close()
    expect(ended).toEqual(['2.2.2.2 shutting-down'])
  })

  it('are as many as have come and not gone, whatever comes and goes', () => {
    const step = fc.record({ address: fc.constantFrom(undefined, '1.1.1.1', '2.2.2.2'), leaves: fc.nat(20) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const { connections, arrive } = table({ connections: 4, connectionsPerAddress: 2 })
        let here: { readonly place: Place; readonly address: string | undefined }[] = []
        for (const { address, leaves } of steps) {
          const place = arrive(address)
          if (place !== undefined) here.push({ place, address })
          here[leaves]?.place.leave()
          here = here.filter((_, i) => i !== leaves)
          const admitted = here.filter((each) => each.place.refusal === undefined)
          expect(connections.size).toBe(here.length)
          expect(here.length).toBeLessThanOrEqual(8)
          expect(admitted.length).toBeLessThanOrEqual(4)
          for (const one of ['1.1.1.1', '2.2.2.2'])
            expect(admitted.filter((each) => each.address === one).length).toBeLessThanOrEqual(2)
        }
        for (const { place } of here) place.leave()
        expect([connections.size, connections.addresses]).toEqual([0, 0])
        expect(arrive('1.1.1.1')?.refusal).toBeUndefined()
      }),
    )
  })
})
