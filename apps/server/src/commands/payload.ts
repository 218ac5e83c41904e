import { readFile } from 'node:fs/promises'
import { UserError } from '../user-error.ts'

/** The flags that name one payload. */
export interface PayloadFlags {
  readonly message?: string
  readonly file?: string
  readonly nullMessage?: boolean
  readonly stdinFile?: boolean
}

/** How to read each payload that the flags name. Reading rejects with a UserError when a file cannot be read. */
export function payloadSources({ message, file, nullMessage, stdinFile }: PayloadFlags): (() => Promise<Buffer>)[] {
  return [
    message === undefined ? [] : () => Promise.resolve(Buffer.from(message)),
    file === undefined ? [] : () => readPayload(file),
    nullMessage === true ? () => Promise.resolve(Buffer.alloc(0)) : [],
    stdinFile === true ? readStdin : [],
  ].flat()
}

/** The one source there is. Throws a UserError that names `-m` and these other letters where there is none, or more than one. */
export function onlySource<T>(sources: readonly T[], letters: readonly string[]): T {
  const [source, ...more] = sources
  const last = letters.at(-1) ?? ''
  const others = letters.slice(0, -1).join(', ')
  if (source === undefined) throw new UserError(`no message: give one with -m, or choose ${others} or ${last}`)
  if (more.length > 0) throw new UserError(`only one of -m, ${others} and ${last} can be used`)
  return source
}

async function readPayload(file: string): Promise<Buffer> {
  try {
    return await readFile(file)
  } catch (error) {
    throw new UserError(`-f ${file}: ${(error as Error).message}`)
  }
}

async function readStdin(): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks)
}
