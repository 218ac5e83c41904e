import { assert, json, property } from 'fast-check'
import { expect, test } from 'vitest'
import { prettyJson } from '../src/client/pretty-json.ts'

test('members stand on lines of their own, lists on one', () => {
  const text = String.raw`{"a":1.50,"b":[1,{"c":null},[]],"d":{},"e":"x\"{,}[:]","f":-1e5}`
  expect(prettyJson(text)).toBe(
    [
      '{',
      '\t"a":\t1.50,',
      '\t"b":\t[1, {',
      '\t\t\t"c":\tnull',
      '\t\t}, []],',
      '\t"d":\t{',
      '\t},',
      String.raw`	"e":	"x\"{,}[:]",`,
      '\t"f":\t-1e5',
      '}',
    ].join('\n'),
  )
})

test('it is the same JSON, whatever it was', () => {
  assert(
    property(json(), (text) => {
      expect(JSON.parse(prettyJson(text))).toEqual(JSON.parse(text))
    }),
  )
})
