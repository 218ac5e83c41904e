import { readFileSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { keys, type Key } from '../src/config/keys.ts'
import { formatBytes, formatDuration } from '../src/config/units.ts'

const file = new URL('../README.md', import.meta.url)
const [begin, end] = ['<!-- configuration keys: begin -->', '<!-- configuration keys: end -->']

function fallback({ kind, fallback: value }: Key): string {
  if (value === undefined) return ''
  if (kind === 'duration') return formatDuration(value as number)
  if (kind === 'size') return formatBytes(value as number)
  return value === Infinity ? 'unlimited' : JSON.stringify(value)
}

function table(): string {
  const rows = keys
    .filter((key) => !key.section || key.path.startsWith('listeners.'))
    .map((key) => [key.path, key.section ? 'keys, or false' : key.kind, fallback(key), key.description])
    .map(([path, kind, value, text]) => `| \`${path}\` | ${kind} | ${value === '' ? '' : `\`${value}\``} | ${text} |`)
  return ['| key | what | default | meaning |', '| --- | --- | --- | --- |', ...rows].join('\n')
}

// To bring the table up to date: UPDATE_README=1 npx vitest run --project unit apps/server/test/readme.test.ts
test('the table of keys in the README is that of the schema', () => {
  const text = readFileSync(file, 'utf8')
  const [before, rest = ''] = text.split(begin)
  const [shown = '', after] = rest.split(end)
  if (process.env['UPDATE_README'] === '1') writeFileSync(file, `${before}${begin}\n\n${table()}\n\n${end}${after}`)
  else expect(unpad(shown)).toBe(unpad(table()))
})

test('every key says what it is', () => {
  const allowed = new Set([
    'listeners',
    'authentication',
    'authentication.scram',
    'authentication.jwt',
    'authentication.http',
    'authorization',
    'storage',
    'history',
    'limits',
    'flapping',
    'slowSubscriptions',
    'sys',
    'log',
    'metrics',
    'admin',
  ])
  for (const key of keys) if (!allowed.has(key.path)) expect(key.description, key.path).not.toBe('')
})

/** The formatter pads the cells of tables. */
function unpad(text: string): string {
  return text.trim().replaceAll(/ +\|/g, ' |').replaceAll(/-{3,}/g, '---')
}
