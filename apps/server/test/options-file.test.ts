import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { prepareArguments } from '../src/commands/client-command.ts'
import { optionsFile, readOptions } from '../src/commands/options-file.ts'
import { subCommand } from '../src/commands/sub-command.ts'

let directory = ''
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'isomq-options-'))
})
afterAll(() => rmSync(directory, { recursive: true }))

function written(text: string): string {
  const file = join(directory, 'options')
  writeFileSync(file, text)
  return file
}

test('an option a line, its value up to the end of the line', () => {
  const text = [
    '# home',
    '-h localhost',
    '',
    '  -t  with space/# ',
    '--quiet',
    '-D publish user-property a key with spaces',
    '-D publish  content-type text/plain; charset=utf-8\r',
  ].join('\n')
  const args = [
    ['-h', 'localhost', '-t', 'with space/#', '--quiet'],
    ['-D', 'publish', 'user-property', 'a', 'key with spaces'],
    ['-D', 'publish', 'content-type', 'text/plain; charset=utf-8'],
  ]
  expect(readOptions(written(text))).toEqual(args.flat())
})

test.each([
  ['-h x\nlocalhost', ':2: must begin with an option, such as -h localhost'],
  ['-o other', ':1: a file of options cannot name another'],
  ['--options other', ':1: a file of options cannot name another'],
])('%j is refused', (text, message) => {
  const file = written(text)
  expect(() => readOptions(file)).toThrow(`-o ${file}${message}`)
})

test.each([
  [['-h', 'x', '-o', 'f'], 'f'],
  [['--options', 'f', '-h', 'x'], 'f'],
  [['--options=f'], 'f'],
  [['-of'], 'f'],
  [['-m', '-o', '-h', 'x'], undefined],
  [['-h', 'x'], undefined],
])('the file of %j is %s', (args, file) => {
  expect(optionsFile(args, (flag) => ['-m', '-h', '-o', '--options'].includes(flag))).toBe(file)
})

test('what the command line says goes before the file; filters and properties of both count', () => {
  const file = written(
    '-h here\n-q 1\n-t a\n-D subscribe subscription-identifier 7\n-D subscribe user-property k v w\n',
  )
  const command = subCommand(new Command())
  const args = ['sub', '-o', file, '-q', '2', '-t', 'b', '-D', 'subscribe', 'subscription-identifier', '9']
  const { rest, properties } = prepareArguments(command, args)
  expect(rest[0]).toBe('sub')
  command.parse(rest.slice(1), { from: 'user' })
  expect(command.opts()).toMatchObject({ host: 'here', qos: 2, topic: ['a', 'b'], local: true })
  const { subscriptionIdentifier, userProperties } = properties.get('subscribe') ?? {}
  expect(subscriptionIdentifier).toBe(9)
  expect({ ...(userProperties as object) }).toEqual({ k: ['v w'] })
})
