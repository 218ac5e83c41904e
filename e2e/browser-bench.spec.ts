import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect } from 'playwright/test'
import { needsChromium, test } from './support/browser.ts'

needsChromium()

test('the bench of a browser gives numbers for every case', async () => {
  test.setTimeout(120_000)
  const program = fileURLToPath(new URL('../bench/dist/browser/main.js', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [program, '--seconds', '0.2', '--rounds', '1'])
  console.log(stdout)
  const rows = stdout.trim().split('\n').slice(1)
  expect(rows).toHaveLength(8)
  for (const row of rows) expect(row).toMatch(/^\D+ [01]( +\d+\.\d\d){3} +[1-9][\d,]*( +\d+\.\d\d×){2}$/)
})
