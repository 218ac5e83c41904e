import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { UserError } from '../user-error.ts'

/** A password: typed twice without being shown where stdin is a terminal, else the first line of stdin. Throws a UserError when there is none. */
export async function readPassword(prompt: string): Promise<string> {
  const password = process.stdin.isTTY ? await typed(prompt) : await firstLine()
  if (password === '') throw new UserError('the password is empty')
  return password
}

async function typed(prompt: string): Promise<string> {
  const password = await ask(prompt)
  if ((await ask('Once more: ')) === password) return password
  throw new UserError('the two passwords are not the same')
}

/** Asks on stderr, for stdout is the answer's. */
async function ask(prompt: string): Promise<string> {
  // The terminal shows nothing by itself while readline is in charge, and readline writes to nowhere.
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: true })
  try {
    return await new Promise((resolve, reject) => {
      lines.once('line', resolve)
      lines.once('SIGINT', () => reject(new UserError('interrupted', 130)))
      lines.once('close', () => reject(new UserError('no password was given')))
      process.stderr.write(prompt)
    })
  } finally {
    lines.close()
    process.stderr.write('\n')
  }
}

async function firstLine(): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) chunks.push(chunk)
  const bytes = Buffer.concat(chunks)
  const end = bytes.indexOf('\n')
  try {
    const line = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(
      end < 0 ? bytes : bytes.subarray(0, end),
    )
    return line.replace(/\r$/, '')
  } catch {
    throw new UserError('the password is not UTF-8')
  }
}
