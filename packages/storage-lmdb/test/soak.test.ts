import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { maxQueued, rate, type Reading, size, Soak } from './soak.ts'

const directory = mkdtempSync(join(tmpdir(), 'isomq-soak-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

/** Of the test's own time; 0 is as long as it takes to see what is to be seen. */
const seconds = Number(process.env['SOAK_SECONDS'] ?? 0)
const atLeast = 90
const mebibyte = 1024 * 1024

function highest(readings: readonly Reading[], field: keyof Reading): number {
  return Math.max(...readings.map((reading) => reading[field]))
}

it(
  'a broker under endless traffic levels off on disk and in memory, and leaves nothing when all have gone',
  { timeout: 60_000 + seconds * 2000 },
  async () => {
    const soak = await Soak.start(join(directory, 'data'))
    const readings: Reading[] = []
    for (const end = Date.now() + seconds * 1000; readings.length < atLeast || Date.now() < end;) {
      const reading = await soak.second()
      if (seconds > 0 && readings.length % 100 === 0) process.stdout.write(`${line(readings.length, reading)}\n`)
      readings.push(reading)
    }
    // Trimming and expiry have come round a few times in each part.
    const [before, after] = [readings.slice(0, readings.length / 2), readings.slice(readings.length / 2)]
    const [fileBefore, fileAfter] = [highest(before, 'fileBytes'), highest(after, 'fileBytes')]
    expect(fileAfter).toBeLessThanOrEqual(1.25 * fileBefore)
    // Had no page been used again, the payloads alone would take more.
    expect(fileAfter).toBeLessThan((readings.length * rate * size) / 2)
    // What is owed to a line that a tenth of the messages is for, and what came since the log was last trimmed.
    expect(highest(after, 'records')).toBeLessThanOrEqual(10 * maxQueued + 12 * (rate + 50))
    expect(highest(after, 'records')).toBeGreaterThanOrEqual(maxQueued)
    expect(highest(after, 'sessions')).toBeLessThanOrEqual(4 + 3 * 7)
    // Of fifty topics some are empty when a second is over: what was kept there has expired.
    expect(highest(after, 'retained')).toBeLessThanOrEqual(50)
    expect(highest(after, 'retained')).toBeGreaterThan(30)
    expect(highest(after, 'delayed')).toBeLessThanOrEqual(5 * 7)
    if (seconds > 0) {
      const [memoryBefore, memoryAfter] = [highest(before, 'residentBytes'), highest(after, 'residentBytes')]
      expect(memoryAfter).toBeLessThanOrEqual(memoryBefore + 32 * mebibyte)
    }
    const { rows, records, timers, faults } = await soak.end()
    expect(faults).toEqual([])
    expect(Object.entries(rows).filter(([, count]) => count > 0)).toEqual([])
    expect([records, timers]).toEqual([0, 0])
  },
)

function line(second: number, reading: Reading): string {
  const { fileBytes, residentBytes, records, sessions } = reading
  const [file, memory] = [fileBytes, residentBytes].map((bytes) => `${(bytes / mebibyte).toFixed(1)} MiB`)
  return `second ${second}: file ${file}, memory ${memory}, ${records} records, ${sessions} sessions`
}
