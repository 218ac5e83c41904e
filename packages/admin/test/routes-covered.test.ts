import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { rig } from './rig.ts'

test('a route without a test is none', async () => {
  const here = new URL('.', import.meta.url)
  const files = readdirSync(here).filter((name) => name.startsWith('routes-of-'))
  const text = files.map((name) => readFileSync(new URL(name, here), 'utf8')).join('\n')
  const tested = new Set(Array.from(text.matchAll(/\bof\(\s*'([A-Z]+ [^']+)'/g), ([, route]) => route!))
  const { admin } = await rig()
  const all = admin.routes.map(({ method, path }) => `${method} ${path}`)
  expect(all.filter((route) => !tested.has(route))).toEqual([])
  expect(Array.from(tested).filter((route) => !all.includes(route))).toEqual([])
})
