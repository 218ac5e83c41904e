import { BlockList } from 'node:net'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatNet, parseAddress, parseNet, widen } from '../src/address.ts'

describe('addresses and blocks of them', () => {
  it.each([
    ['10.0.0.1', '10.0.0.1'],
    ['10.1.2.3/8', '10.0.0.0/8'],
    ['10.1.2.3/32', '10.1.2.3'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['::', '::'],
    ['::1', '::1'],
    ['::/0', '::/0'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['2001:db8::1:0:0:1', '2001:db8::1:0:0:1'],
    ['1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['2001:db8:1:2:3::/64', '2001:db8:1:2::/64'],
    ['fe80::1%eth0', 'fe80::1'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['::FFFF:a00:1', '10.0.0.1'],
    ['::ffff:10.9.9.9/104', '10.0.0.0/8'],
    ['::ffff:0:0/96', '0.0.0.0/0'],
    ['::ffff:0:0/95', '::fffe:0:0/95'],
  ])('%s is %s', (text, usual) => {
    expect(formatNet(parseNet(text)!)).toBe(usual)
  })

  it.each([
    [
      '',
      '10.0.0',
      '10.0.0.0.1',
      '10.0.0.256',
      '010.0.0.1',
      '1.2.3.4.',
      ' 1.2.3.4',
      '10.0.0.1/33',
      '10.0.0.1/',
      '10.0.0.1/08',
    ],
    ['10.0.0.1/-1', '10.0.0.1/1/1', ':', ':::', '1::2::3', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '1:2:3:4:5:6:7:8::'],
    [
      '::12345',
      '::g',
      '::1/129',
      '::1.2.3',
      '1.2.3.4::',
      '1:2:3:4:5:6:7:1.2.3.4',
      'localhost',
      '*',
      '::1%'.repeat(2) + '/x',
    ],
  ])('is none: %s, …', (...texts) => {
    for (const text of texts) expect([text, parseNet(text)]).toEqual([text, undefined])
  })

  it('a block is no address', () => {
    expect([parseAddress('10.0.0.0/8'), parseAddress('10.0.0.1')?.width]).toEqual([undefined, 32])
  })

  it('IPv6 is written as the WHATWG URL standard writes it, and read back', () => {
    const group = fc.oneof(fc.constant(0), fc.nat(0xffff))
    fc.assert(
      fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
        const text = groups.map((each) => each.toString(16)).join(':')
        const net = parseNet(text)!
        fc.pre(net.width === 128)
        expect(`[${formatNet(net)}]`).toBe(new URL(`http://[${text}]`).hostname)
        expect(parseNet(formatNet(net))).toEqual(net)
      }),
    )
  })

  it('Node’s BlockList agrees what lies in a block', () => {
    const near = (text: string, last: number): string =>
      text.replace(/[^.:]+$/, text.includes(':') ? last.toString(16) : String(last & 255))
    const address = fc.oneof(
      fc.ipV4(),
      fc.ipV6().filter((text) => parseAddress(text)?.width === 128 && !text.includes('.')),
    )
    fc.assert(
      fc.property(
        address,
        fc.nat(128),
        fc.nat(0xffff),
        fc.boolean(),
        address,
        (...[block, length, last, isNear, other]) => {
          const family = block.includes(':') ? 'ipv6' : 'ipv4'
          const prefix = family === 'ipv6' ? length : length % 33
          const probe = isNear ? near(block, last) : other
          const list = new BlockList()
          list.addSubnet(block, prefix, family)
          const net = parseNet(`${block}/${prefix}`)!
          const one = parseAddress(probe)!
          // Where we say that IPv4 is not IPv6, Node has it in ::/0.
          fc.pre(one.width === net.width)
          const inside = widen(one, net.prefix).bits === net.bits
          expect(inside).toBe(list.check(probe, probe.includes(':') ? 'ipv6' : 'ipv4'))
        },
      ),
    )
  })
})
