import { describe, expect, it } from 'vitest'
import * as legal from '../src/codec/reason-code.ts'
import { codeOf, connackCodes, publishCodes, reasonCodes, refusalCode, subscribeCodes } from '../src/reason-codes.ts'

describe('every refusal of the broker has a code its packet may carry', () => {
  it.each([
    ['[MQTT-3.2.2-8] CONNACK', connackCodes, legal.connackCodes],
    ['[MQTT-3.4.2-1] [MQTT-3.5.2-1] PUBACK and PUBREC', publishCodes, legal.publishAckCodes],
    ['[MQTT-3.9.3-2] SUBACK', subscribeCodes, legal.subackCodes],
    ['[MQTT-3.14.2-1] DISCONNECT', reasonCodes, legal.serverDisconnectCodes],
  ])('%s', (_, codes, allowed) => {
    const wrong = Object.entries(codes).filter(([, code]) => code < 0x80 || !allowed.has(code))
    expect(wrong).toEqual([])
  })

  it('[MQTT-3.2.2-8] a reason to end a connection, said in CONNACK', () => {
    for (const reason of Object.values(legal.ReasonCode)) {
      expect([reason, legal.connackCodes.has(refusalCode(5, reason)!)]).toEqual([reason, true])
      if (legal.connackCodes.has(reason)) expect(refusalCode(5, reason)).toBe(reason)
    }
  })

  it('[MQTT-3.2.2-6 of 3.1.1] a return code of 3.x is one of six or none, and 0 for success alone', () => {
    for (const reason of Object.values(legal.ReasonCode)) {
      const code = refusalCode(4, reason)
      expect([reason, legal.connackCodes3.has(code ?? 5), code === 0]).toEqual([reason, true, reason === 0])
      expect(refusalCode(undefined, reason)).toBe(reason === 0x84 ? 1 : undefined)
    }
    const silent = [0x81, 0x82, 0x90, 0x95, 0x9a, 0x9b].map((reason) => refusalCode(3, reason))
    expect(new Set(silent)).toEqual(new Set([undefined]))
    expect(refusalCode(3, connackCodes['not-authorized'])).toBe(5)
  })

  it('whatever else is thrown is `unavailable`', () => {
    const impostor = Object.assign(new Error('no'), { code: 'banned' })
    for (const error of [impostor, undefined, null, 'banned', { code: 'banned' }])
      expect(codeOf(error)).toBe('unavailable')
  })
})

describe('the tables of the specification', () => {
  // Section 2.4: each code and the packets it may be in.
  it.each([
    [
      'CONNACK',
      legal.connackCodes,
      [
        0x00, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8c, 0x90, 0x95, 0x97, 0x99, 0x9a,
        0x9b, 0x9c, 0x9d, 0x9f,
      ],
    ],
    ['PUBACK, PUBREC', legal.publishAckCodes, [0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99]],
    ['SUBACK', legal.subackCodes, [0x00, 0x01, 0x02, 0x80, 0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2]],
    ['UNSUBACK', legal.unsubackCodes, [0x00, 0x11, 0x80, 0x83, 0x87, 0x8f, 0x91]],
    ['PUBREL, PUBCOMP', legal.releaseCodes, [0x00, 0x92]],
  ])('%s', (_, codes, table) => {
    expect(new Set(codes)).toEqual(new Set(table))
  })
})
