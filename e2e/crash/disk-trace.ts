import { readFileSync } from 'node:fs'

/** Something that a broker asked of the system, or was given by it. Calls of several threads overlap: `call` names each. */
export type Step =
  /** Bytes for the data file are handed over. `through`: they are durable when that is done. */
  | {
      readonly kind: 'write'
      readonly call: number
      readonly at: number
      readonly bytes: Buffer
      readonly through: boolean
    }
  /** That is done. */
  | { readonly kind: 'written'; readonly call: number }
  /** What is written until now is to become durable. */
  | { readonly kind: 'sync'; readonly call: number }
  /** That is done. */
  | { readonly kind: 'synced'; readonly call: number }
  /** Bytes for the peer at this port are handed over. */
  | { readonly kind: 'send'; readonly port: number; readonly bytes: Buffer }

/** How strace is to be run so that `readTrace` understands it. */
export const straceFlags: readonly string[] =
  '-f -yy -xx -v -s 67108864 --seccomp-bpf -e trace=openat,lseek,pwrite64,pwritev,write,writev,fdatasync,fsync,msync'.split(
    ' ',
  )

/** What strace wrote down of a broker, as far as its data file and its connections are concerned, in the order it happened. */
export function readTrace(file: string): Step[] {
  const steps: Step[] = []
  const positions = new Map<string, number>()
  const through = new Set<string>()
  /** Steps that end the calls that threads are in. */
  const open = new Map<string, Step>()
  readFileSync(file, 'latin1')
    .split('\n')
    .forEach((line, call) => {
      const [, thread = '', rest = ''] = /^(\d+) +(.*)$/.exec(line) ?? []
      if (rest.startsWith('<... ')) {
        const end = open.get(thread)
        open.delete(thread)
        if (end !== undefined) steps.push(end)
        return
      }
      const [, name = '', args = ''] = /^(\w+)\((.*)$/.exec(rest) ?? []
      const fd = /^\d+/.exec(args)?.[0] ?? ''
      const target = unhex(/^\d+<((?:->|[^>])*)>/.exec(args)?.[1] ?? '')
      const [, port] = /^TCP:\[.*->.*:(\d+)\]$/.exec(target) ?? []
      if (name === 'openat') {
        const [, opened, path = ''] = / = (\d+)<([^>]*)>$/.exec(args) ?? []
        if (opened !== undefined && unhex(path).endsWith('/data.mdb'))
          through[/O_D?SYNC/.test(args) ? 'add' : 'delete'](opened)
      } else if (port !== undefined && name.startsWith('write')) {
        steps.push({ kind: 'send', port: Number(port), bytes: bytesOf(args) })
      } else if (target.endsWith('/data.mdb')) {
        if (name === 'lseek') return void positions.set(fd, Number(/, (\d+), SEEK_SET/.exec(args)?.[1]))
        const end = { kind: name.endsWith('sync') ? 'synced' : 'written', call } as const
        if (end.kind === 'synced') steps.push({ kind: 'sync', call })
        else {
          const bytes = bytesOf(args)
          const placed = /, (\d+)(?:\) += \d+| <unfinished \.\.\.>)$/.exec(args)?.[1]
          const at = name.startsWith('p') ? Number(placed) : (positions.get(fd) ?? 0)
          if (!name.startsWith('p')) positions.set(fd, at + bytes.length)
          steps.push({ kind: 'write', call, at, bytes, through: through.has(fd) })
        }
        if (rest.endsWith('<unfinished ...>')) open.set(thread, end)
        else steps.push(end)
      }
    })
  return steps
}

/** All strings of the arguments, one after the other. What a descriptor stands for is not in quotes. */
function bytesOf(args: string): Buffer {
  return Buffer.concat(Array.from(args.matchAll(/"((?:\\x[0-9a-f]{2})*)"/g), ([, text = '']) => hex(text)))
}

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll('\\x', ''), 'hex')
}

function unhex(text: string): string {
  return text.replaceAll(/(?:\\x[0-9a-f]{2})+/g, (each) => hex(each).toString('latin1'))
}
