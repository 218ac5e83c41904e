import { assert, property, uint8Array } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeBase64, encodeBase64 } from '../src/base64.ts'
import { formatVerifier, makeVerifier, parseVerifier, saslPrep } from '../src/index.ts'

const salt = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64')
// The keys of the example in RFC 7677.
const pencil =
  'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU='

describe('a verifier', () => {
  it('of the password in RFC 7677 is written as PostgreSQL writes it', () => {
    expect(formatVerifier(makeVerifier('pencil', { salt }))).toBe(pencil)
  })

  it('of more rounds is another', () => {
    expect(formatVerifier(makeVerifier('pencil', { salt, iterations: 5000 }))).toMatch(/^SCRAM-SHA-256\$5000:/)
    expect(makeVerifier('pencil', { salt, iterations: 5000 }).storedKey).not.toEqual(
      makeVerifier('pencil', { salt }).storedKey,
    )
  })

  it('comes back from its text', () => {
    expect(formatVerifier(parseVerifier(pencil)!)).toBe(pencil)
    expect(parseVerifier(pencil)).toMatchObject({ iterations: 4096, salt: Uint8Array.from(salt) })
  })

  it.each([
    ['nothing', ''],
    ['a password', 'pencil'],
    ['another method', pencil.replace('256', '1')],
    ['too few rounds', pencil.replace('4096', '4095')],
    ['rounds that are no number', pencil.replace('4096', '4k')],
    ['rounds beyond all bounds', pencil.replace('4096', '9999999999')],
    ['no salt', pencil.replace('W22ZaJ0SNY7soEsUEjb6gQ==', '')],
    ['a salt that is no base64', pencil.replace('W22Z', 'W22')],
    ['a key that is too short', pencil.replace('WG5d', '')],
    ['one key', pencil.slice(0, pencil.lastIndexOf(':'))],
    ['something behind it', `${pencil} `],
  ])('is not %s', (_, text) => {
    expect(parseVerifier(text)).toBeUndefined()
  })

  it('of a password is that of the same password typed otherwise', () => {
    const [composed, decomposed] = [makeVerifier('\u00e4\u2168', { salt }), makeVerifier('a\u0308IX', { salt })]
    expect(formatVerifier(composed)).toBe(formatVerifier(decomposed))
  })
})

describe('SASLprep', () => {
  it.each([
    ['I\u00adX', 'IX'],
    ['user', 'user'],
    ['USER', 'USER'],
    ['\u00aa', 'a'],
    ['\u2168', 'IX'],
    ['a\u1680b\u3000c', 'a b c'],
    ['\u200d\u2060\ufe0f\ufeff', ''],
  ])('of RFC 4013, section 3 and 2.1: %j is %j', (text, prepared) => {
    expect(saslPrep(text)).toBe(prepared)
  })
})

describe('base64', () => {
  it('is that of Node, and comes back', () => {
    assert(
      property(uint8Array({ maxLength: 100 }), (bytes) => {
        const text = encodeBase64(bytes)
        expect(text).toBe(Buffer.from(bytes).toString('base64'))
        expect(decodeBase64(text)).toEqual(bytes)
      }),
    )
  })

  it.each(['A', 'AA', 'AA=', 'AAA', 'AA==AA==', 'A===', '====', 'AB==', 'AAB=', 'AA =', 'AA\n=', 'A-_='])(
    '%j is none',
    (text) => {
      expect(decodeBase64(text)).toBeUndefined()
    },
  )
})
