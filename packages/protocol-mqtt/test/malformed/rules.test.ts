import { describe, expect, it } from 'vitest'
import { join } from '../codec/frames.ts'
import { block, frame, string } from '../wire.ts'
import { type Outcome, trial, fault } from './refusals.ts'
import type { ProtocolVersion } from '../../src/codec/packet.ts'
import type { MqttOptions } from '../../src/options.ts'

// Packets that are well-formed and yet must not be sent, one row a rule.

const every: readonly ProtocolVersion[] = [3, 4, 5]
const before5: readonly ProtocolVersion[] = [3, 4]

interface Rule {
  readonly rule: string
  readonly versions: readonly ProtocolVersion[]
  /** What a client sends after it was let in. */
  sent(version: ProtocolVersion): Uint8Array
  outcome(version: ProtocolVersion): Outcome
  readonly options?: Partial<MqttOptions>
}

function publish(first: number, topic: string | Uint8Array, rest: { id?: string; properties?: Uint8Array } = {}) {
  return (version: ProtocolVersion): Uint8Array =>
    frame(first, string(topic), rest.id ?? '', version === 5 ? (rest.properties ?? '00') : '', 'aabb')
}

function aliased(topic: string, alias: string): Uint8Array {
  return publish(0x30, topic, { properties: block(`23 ${alias}`) })(5)
}

function subscribe(...filters: readonly string[]) {
  return (version: ProtocolVersion): Uint8Array =>
    frame(0x82, '0007', version === 5 ? '00' : '', ...filters.flatMap((filter) => [string(filter), '00']))
}

function unsubscribe(...filters: readonly string[]) {
  return (version: ProtocolVersion): Uint8Array =>
    frame(0xa2, '0007', version === 5 ? '00' : '', ...filters.map((filter) => string(filter)))
}

const faulty = (reason: number) => (version: ProtocolVersion) => fault(version, reason)
const always = (outcome: Outcome) => () => outcome
const deep = '/'.repeat(128)

const rules: readonly Rule[] = [
  ...['+', '#', 'a/+/b', 'a/#', '#/a', 'a+'].map((topic): Rule => ({
    rule: `[MQTT-3.3.2-2] [MQTT-4.7.0-1] [MQTT-3.3.2-2 of 3.1.1] [MQTT-4.7.1-1 of 3.1.1] a topic ${topic}`,
    versions: every,
    sent: publish(0x30, topic),
    outcome: faulty(0x90),
  })),
  {
    rule: '[MQTT-4.7.3-1] [MQTT-4.7.3-1 of 3.1.1] an empty topic',
    versions: every,
    sent: publish(0x30, ''),
    outcome: faulty(0x82),
  },
  ...[0x32, 0x34, 0x3a, 0x3c].map((first): Rule => ({
    rule: `[MQTT-2.2.1-3] [MQTT-2.3.1-1 of 3.1.1] packet identifier 0 in a PUBLISH of QoS ${(first >> 1) & 3}`,
    versions: every,
    sent: publish(first, 't', { id: '0000' }),
    outcome: faulty(0x82),
  })),
  {
    rule: '[MQTT-2.3.1-1 of 3.1.1] packet identifier 0 in SUBSCRIBE',
    versions: every,
    sent: (version) => frame(0x82, '0000', version === 5 ? '00' : '', string('t'), '00'),
    outcome: faulty(0x82),
  },
  {
    rule: '[MQTT-2.3.1-1 of 3.1.1] packet identifier 0 in UNSUBSCRIBE',
    versions: every,
    sent: (version) => frame(0xa2, '0000', version === 5 ? '00' : '', string('t')),
    outcome: faulty(0x82),
  },
  ...['', '#/a', 'a/#/b', 'a#', '#a', '##', 'a+', '+a', 'a/b+/c', '++'].flatMap((filter): Rule[] => [
    {
      rule: `[MQTT-4.7.1-2 of 3.1.1] [MQTT-4.7.1-3 of 3.1.1] [MQTT-4.7.3-1 of 3.1.1] a filter '${filter}'`,
      versions: before5,
      sent: subscribe('good', filter),
      outcome: always('end'),
    },
    {
      rule: `[MQTT-4.7.1-2 of 3.1.1] [MQTT-4.7.1-3 of 3.1.1] [MQTT-4.7.3-1 of 3.1.1] '${filter}' in UNSUBSCRIBE`,
      versions: before5,
      sent: unsubscribe('good', filter),
      outcome: always('end'),
    },
  ]),
  ...['#/a', 'a/#/b', 'a#', '#a', '##', 'a+', '+a', 'a/b+/c', '++'].flatMap((filter): Rule[] => [
    {
      rule: `[MQTT-4.7.1-1] [MQTT-4.7.1-2] a filter ${filter}`,
      versions: [5],
      sent: subscribe('good', filter),
      outcome: always('SUBACK 0x00 0x8f open'),
    },
    {
      rule: `[MQTT-4.7.1-1] [MQTT-4.7.1-2] ${filter} in UNSUBSCRIBE`,
      versions: [5],
      sent: unsubscribe('good', filter),
      outcome: always('UNSUBACK 0x11 0x8f open'),
    },
  ]),
  ...['$share', '$share/', '$share/g', '$share/g/', '$share//t', '$share//'].map((filter): Rule => ({
    rule: `[MQTT-4.8.2-1] [MQTT-4.8.2-2] a filter ${filter}`,
    versions: every,
    sent: subscribe('good', filter),
    // To 3.x they are filters like any other, which we do not grant.
    outcome: (version) => `SUBACK 0x00 0x${version === 5 ? '8f' : '80'} open`,
  })),
  ...['$share/+/t', '$share/#/t', '$share/a+b/t', '$share/g/t#'].map((filter): Rule => ({
    rule: `[MQTT-4.8.2-2] a filter ${filter}`,
    versions: [5],
    sent: subscribe('good', filter),
    outcome: always('SUBACK 0x00 0x8f open'),
  })),
  {
    rule: 'a shared subscription where there are none (section 3.2.2.3.13)',
    versions: every,
    sent: subscribe('$share/g/t'),
    outcome: (version) => `SUBACK 0x${version === 5 ? '9e' : '80'} open`,
    options: { sharedSubscriptions: false },
  },
  {
    rule: 'a filter of more levels than there may be',
    versions: every,
    sent: subscribe(deep, 'good'),
    outcome: (version) => `SUBACK 0x${version === 5 ? '8f' : '80'} 0x00 open`,
  },
  {
    rule: 'a topic of more levels than there may be, QoS 0',
    versions: every,
    sent: publish(0x30, deep),
    outcome: always('open'),
  },
  {
    rule: 'a topic of more levels than there may be, QoS 1',
    versions: every,
    sent: publish(0x32, deep, { id: '0007' }),
    outcome: (version) => (version === 5 ? 'PUBACK open' : 'end'),
  },
  {
    rule: '[MQTT-4.7.3-3] [MQTT-4.7.3-3 of 3.1.1] a topic of 65,535 bytes is none too long',
    versions: every,
    sent: publish(0x32, 'ä'.repeat(32_767) + 'x', { id: '0007' }),
    outcome: always('PUBACK open'),
  },
  {
    rule: '[MQTT-4.7.3-3] [MQTT-4.7.3-3 of 3.1.1] nor is such a filter',
    versions: every,
    sent: subscribe(`x${'ä'.repeat(32_766)}/+`),
    outcome: always('SUBACK 0x00 open'),
  },
  {
    rule: '[MQTT-3.3.2-8] topic alias 0',
    versions: [5],
    sent: () => aliased('t', '0000'),
    outcome: faulty(0x94),
  },
  {
    rule: '[MQTT-3.3.2-9] a topic alias above the maximum',
    versions: [5],
    sent: () => aliased('t', '0011'),
    outcome: faulty(0x94),
  },
  {
    rule: '[MQTT-3.3.2-9] a topic alias where there are none',
    versions: [5],
    sent: () => aliased('t', '0001'),
    outcome: faulty(0x94),
    options: { topicAliasMaximum: 0 },
  },
  {
    rule: 'a topic alias that stands for nothing (section 3.3.2.3.4)',
    versions: [5],
    sent: () => join(aliased('t', '0001'), aliased('', '0002')),
    outcome: faulty(0x82),
  },
  {
    rule: 'neither a topic nor an alias (section 3.3.2.1)',
    versions: [5],
    sent: publish(0x30, ''),
    outcome: faulty(0x82),
  },
  {
    rule: '[MQTT-3.3.4-7] more QoS 2 messages under way than the maximum',
    versions: [5],
    sent: (version) => join(...['0001', '0002', '0003'].map((id) => publish(0x34, 't', { id })(version))),
    outcome: always('PUBREC PUBREC DISCONNECT 0x93 end'),
    options: { receiveMaximum: 2 },
  },
  {
    rule: 'as many QoS 2 messages as the maximum, one of them again',
    versions: [5],
    sent: (version) =>
      join(
        ...['0001', '0002'].map((id) => publish(0x34, 't', { id })(version)),
        publish(0x3c, 't', { id: '0001' })(version),
      ),
    outcome: always('PUBREC PUBREC PUBREC open'),
    options: { receiveMaximum: 2 },
  },
  {
    rule: 'there is no such maximum before 5.0',
    versions: before5,
    sent: (version) => join(...['0001', '0002', '0003'].map((id) => publish(0x34, 't', { id })(version))),
    outcome: always('PUBREC PUBREC PUBREC open'),
    options: { receiveMaximum: 2 },
  },
  {
    rule: '[MQTT-3.2.2-11] QoS 1 where there is only QoS 0 (section 3.2.2.3.4)',
    versions: every,
    sent: publish(0x32, 't', { id: '0001' }),
    outcome: faulty(0x9b),
    options: { maximumQos: 0 },
  },
  {
    rule: '[MQTT-3.2.2-11] QoS 2 where there is only QoS 1 (section 3.2.2.3.4)',
    versions: every,
    sent: publish(0x34, 't', { id: '0001' }),
    outcome: faulty(0x9b),
    options: { maximumQos: 1 },
  },
  {
    rule: 'QoS 1 where there is QoS 1',
    versions: every,
    sent: publish(0x32, 't', { id: '0001' }),
    outcome: always('PUBACK open'),
    options: { maximumQos: 1 },
  },
  {
    rule: '[MQTT-3.2.2-14] RETAIN where nothing is retained (section 3.2.2.3.5)',
    versions: every,
    sent: publish(0x31, 't'),
    outcome: faulty(0x9a),
    options: { retainAvailable: false },
  },
  {
    rule: 'a session expiry in DISCONNECT where CONNECT had none (section 3.14.2.2.2)',
    versions: [5],
    sent: () => frame(0xe0, '00', block('11 00000001')),
    outcome: faulty(0x82),
  },
  {
    rule: 'a session expiry of 0 in DISCONNECT where CONNECT had none',
    versions: [5],
    sent: () => frame(0xe0, '00', block('11 00000000')),
    outcome: always('end'),
  },
  {
    rule: '[MQTT-4.12.0-7] AUTH where CONNECT had no method',
    versions: [5],
    sent: () => frame(0xf0, '19', block('15', string('m'))),
    outcome: faulty(0x82),
  },
  {
    rule: '[MQTT-3.1.0-2] [MQTT-3.1.0-2 of 3.1.1] a second CONNECT, though it be a good one',
    versions: every,
    sent: (version) =>
      version === 5
        ? frame(0x10, '0004 4d515454 05 02 0000 00', string('c'))
        : frame(0x10, version === 4 ? '0004 4d515454 04 02 0000' : '0006 4d5149736470 03 02 0000', string('c')),
    outcome: faulty(0x82),
  },
]

describe('what must not be sent', () => {
  for (const { rule, versions, sent, outcome, options } of rules)
    it.each(versions)(`${rule}, version %i`, async (version) => {
      const { say, done } = await trial(options === undefined ? {} : { mqtt: options })
      expect(await say(version, sent(version))).toBe(outcome(version))
      await done()
    })
})
