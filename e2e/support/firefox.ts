import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { WebSocket } from 'ws'
import type { Scope } from './scope.ts'
import { temporaryDirectory } from './temporary.ts'

// Playwright drives only a Firefox of its own. The one of the system speaks WebDriver BiDi, of which four commands are enough.

/** A page in a Firefox. */
export interface FirefoxPage {
  goto(url: string): Promise<void>
  /** The value of an expression, or what its promise resolves with, which must be JSON. Rejects with what it throws. */
  evaluate(expression: string): Promise<unknown>
}

/** Starts the system's Firefox with a profile of its own; it ends with the scope. */
export async function startFirefox(command: string, scope: Scope): Promise<FirefoxPage> {
  const profile = temporaryDirectory(scope)
  const args = ['--headless', '--no-remote', '--profile', profile, '--remote-debugging-port', '0']
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, HOME: profile } })
  const exited = once(child, 'exit')
  scope.add(async () => {
    child.kill()
    await exited
  })
  const session = await connect(`${await listening(child.stderr)}/session`)
  scope.add(() => session.close())
  await session.send('session.new', { capabilities: {} })
  const { context } = (await session.send('browsingContext.create', { type: 'tab' })) as { context: string }
  return {
    async goto(url) {
      await session.send('browsingContext.navigate', { context, url, wait: 'complete' })
    },
    async evaluate(expression) {
      const answer = (await session.send('script.evaluate', {
        expression: `Promise.resolve(${expression}).then((value) => JSON.stringify(value) ?? 'null')`,
        target: { context },
        awaitPromise: true,
      })) as { result?: { value: string }; exceptionDetails?: { text: string } }
      if (answer.result === undefined) throw new Error(answer.exceptionDetails?.text)
      return JSON.parse(answer.result.value) as unknown
    },
  }
}

/** Where Firefox says that it listens. */
async function listening(stderr: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface({ input: stderr })) {
    const url = /WebDriver BiDi listening on (ws:\S+)/.exec(line)?.[1]
    if (url === undefined) continue
    // Nobody reads on, but it must be able to write on.
    stderr.resume()
    return url
  }
  throw new Error('Firefox ended before it listened')
}

interface Session {
  send(method: string, params: object): Promise<unknown>
  close(): void
}

async function connect(url: string): Promise<Session> {
  const socket = new WebSocket(url)
  await once(socket, 'open')
  let last = 0
  const waiting = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>()
  socket.on('message', (data) => {
    const { id, result, error, message } = JSON.parse(String(data)) as Record<string, unknown>
    const answered = waiting.get(id as number)
    waiting.delete(id as number)
    if (result === undefined) answered?.reject(new Error(`${String(error)}: ${String(message)}`))
    else answered?.resolve(result)
  })
  socket.on('close', () => {
    for (const { reject } of waiting.values()) reject(new Error('Firefox has closed the connection'))
  })
  return {
    send: (method, params) =>
      new Promise((resolve, reject) => {
        waiting.set(++last, { resolve, reject })
        socket.send(JSON.stringify({ id: last, method, params }))
      }),
    close: () => socket.close(),
  }
}
