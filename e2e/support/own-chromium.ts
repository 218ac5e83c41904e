import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { chromium, type Page } from 'playwright'
import { chromiumPath } from './chromium.ts'
import type { Scope } from './scope.ts'

/** A Chromium of our own, which may be killed. */
export interface OwnChromium {
  readonly page: Page
  /** SIGKILL: it writes nothing more of its own will. */
  kill(): Promise<void>
}

/** Starts Chromium with a profile, which is on the disk, unlike those of Playwright's contexts. It ends with the scope. */
export async function startChromium(profile: string, scope: Scope): Promise<OwnChromium> {
  const own = ['--headless', '--remote-debugging-port=0', `--user-data-dir=${profile}`]
  const args = [...own, '--no-sandbox', '--no-first-run', '--disable-dev-shm-usage', 'about:blank']
  const child = spawn(chromiumPath() ?? chromium.executablePath(), args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  })
  const exited = once(child, 'exit')
  const kill = async (): Promise<void> => {
    // With all its processes: one of them would still write, or hold what the next browser needs.
    signal(child.pid!, 'SIGKILL')
    await exited
    while (signal(child.pid!, 0)) await new Promise((resolve) => void setTimeout(resolve, 20))
  }
  scope.add(kill)
  const browser = await chromium.connectOverCDP(await listening(child.stderr))
  const [context] = browser.contexts()
  return { page: await context!.newPage(), kill }
}

/** Where it says that it listens. */
async function listening(stderr: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface({ input: stderr })) {
    const url = /DevTools listening on (ws:\S+)/.exec(line)?.[1]
    if (url === undefined) continue
    // Nobody reads on, but it must be able to write on.
    stderr.resume()
    return url
  }
  throw new Error('Chromium ended before it listened')
}

/** To all processes of a group. False when there are none any more. */
function signal(group: number, what: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-group, what)
  } catch {
    return false
  }
}
