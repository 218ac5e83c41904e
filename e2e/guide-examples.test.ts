import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { succeed } from './support/process.ts'
import { examplesOf } from './support/examples.ts'

// Its examples import the package by its name, as built.
const cwd = fileURLToPath(new URL('../packages/isomq/', import.meta.url))
const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')

describe('the examples of', () => {
  const examples = ['embedding', 'bridge']
    .flatMap((page) => examplesOf(read(`docs/guide/${page}.md`)))
    .filter(({ place }) => place === '')

  test('the guide are there', () => {
    expect(examples.length).toBeGreaterThanOrEqual(6)
  })

  test.each(examples)('the guide print what it says: $heading', async ({ code, output }) => {
    expect(await succeed(process.execPath, ['--input-type=module', '--eval', code], { cwd })).toBe(output)
  })

  test('the page of the package print what it does', async () => {
    const [example] = examplesOf(read('packages/isomq/README.md'))
    expect(await succeed(process.execPath, ['--input-type=module', '--eval', example!.code], { cwd })).toBe(
      'home/lamp on\n',
    )
  })
})
