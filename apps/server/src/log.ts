import { pino, type Logger } from 'pino'
import { escapeText } from './escape-text.ts'
import type { Config } from './config/types.ts'

/** Structured log: `log.info({ url }, 'listening')`. */
export type Log = Logger

const names: Readonly<Record<number, string>> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'warn',
  50: 'error',
  60: 'fatal',
}

/** Longest text of one field; clients choose theirs. */
const longestText = 500

/** A log that writes whole lines, one for each entry; stacks follow theirs, indented. Nothing a client sends can begin a line or reach a terminal as a control character. */
export function createLog(settings: Config['log'], write: (line: string) => void): Log {
  const line = settings.format === 'json' ? jsonLine : textLine
  return pino(
    { level: settings.level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    {
      write: (entry: string) => write(line(entry)),
    },
  )
}

/** JSON escapes the ASCII controls; the rest of what terminals obey is escaped here. */
function jsonLine(entry: string): string {
  return entry.replace(/[\u007f-\u009f\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

function textLine(entry: string): string {
  const { level, time, msg, err, ...fields } = JSON.parse(entry) as Record<string, unknown> & { level: number }
  const parts = [String(time), (names[level] ?? String(level)).toUpperCase().padEnd(5), escapeText(String(msg ?? ''))]
  for (const [name, value] of Object.entries(fields)) parts.push(`${name}=${fieldText(value)}`)
  const { message, stack } = (err ?? {}) as { readonly message?: unknown; readonly stack?: unknown }
  if (message !== undefined) parts.push(`error=${fieldText(message)}`)
  return `${parts.join(' ')}\n${level >= 50 && typeof stack === 'string' ? stackLines(stack) : ''}`
}

function fieldText(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  const short = text.length > longestText ? `${text.slice(0, longestText)}…` : text
  return typeof value === 'string' && /^[\w.:/@+$#-]+$/.test(short)
    ? short
    : escapeText(typeof value === 'string' ? JSON.stringify(short) : short)
}

function stackLines(stack: string): string {
  const lines = stack.split('\n').map((each) => `    ${escapeText(each.trim())}\n`)
  return lines.join('')
}
