import { existsSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { chromium } from 'playwright'
import { endChildrenOnExit } from '../children.ts'
import { markdownTable } from '../format.ts'
import { thisMachine } from '../machine.ts'
import { type CaseResult, runCases } from './run.ts'
import { serveBenchPage } from './site.ts'

// Brokers as a page sees them: how long a message takes and how many go, to one in a SharedWorker and to servers on loopback.

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '5' },
    markdown: { type: 'string' },
  },
})
const [seconds, rounds] = [Number(values.seconds), Number(values.rounds)]
if (!(seconds > 0 && seconds <= 30) || !(rounds >= 1 && rounds <= 20)) {
  console.error('Usage: node bench/dist/browser/main.js [--seconds N (to 30)] [--rounds N (to 20)] [--markdown FILE]')
  process.exit(2)
}
endChildrenOnExit()
const site = await serveBenchPage()
const ofSystem = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) =>
  existsSync(path),
)
const browser = await chromium.launch(ofSystem === undefined ? {} : { executablePath: ofSystem })
try {
  const page = await browser.newPage()
  await page.goto(site.origin)
  await page.waitForFunction(() => 'measure' in globalThis)
  const results = await runCases(page, { rounds, milliseconds: seconds * 1000 })
  const rows = table(results)
  console.log(
    rows.map((row) => row.map((cell, i) => (i === 0 ? cell.padEnd(28) : cell.padStart(11))).join(' ')).join('\n'),
  )
  if (values.markdown !== undefined)
    writeFileSync(resolve(process.env['INIT_CWD'] ?? '.', values.markdown), text(rows, browser.version()))
} finally {
  await browser.close()
  site.close()
}

function table(results: readonly CaseResult[]): string[][] {
  const head = ['route', 'QoS', 'p50 ms', 'p95 ms', 'p99 ms', 'messages/s', 'p50 ÷ aedes', 'msg/s ÷ aedes']
  return [
    head,
    ...results.map(({ route, qos, p50, p95, p99, messagesPerSecond }) => {
      const peer = results.find((each) => each.qos === qos && each.route.includes('aedes'))!
      const times = [p50, p95, p99].map((time) => time.toFixed(2))
      const ratios = [p50 / peer.p50, messagesPerSecond / peer.messagesPerSecond].map((ratio) => `${ratio.toFixed(2)}×`)
      return [route, String(qos), ...times, Math.round(messagesPerSecond).toLocaleString('en'), ...ratios]
    }),
  ]
}

function text(rows: readonly string[][], version: string): string {
  const { date, cpu, cores, system } = thisMachine()
  return `${[
    '# Performance in a browser',
    'Written by `node bench/dist/browser/main.js --markdown <file>`; what is measured: `bench/README.md`.',
    [
      `- Date: ${date}`,
      `- Machine: ${cpu}, ${cores} cores, shared and noisy, ${system}`,
      `- Chromium ${version}, headless; MQTT.js 5.16.0 at both ends of everything, payloads of 98 bytes`,
      `- Medians of ${rounds} rounds of ${seconds} s for each number`,
    ].join('\n'),
    markdownTable(rows),
  ].join('\n\n')}\n`
}
