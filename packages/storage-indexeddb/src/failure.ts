import { BrokerError } from '@isomq/kernel'

// A full disk is told in other ways than a quota that is used up: by Chromium, by Firefox, and by the system's own word.
const fullText = /quota|no[ _]space|no[ _]device[ _]space|disk (?:is )?full|ENOSPC/i

/** Whether a failure says that there is no room. */
export function isFull(error: unknown): boolean {
  return fullText.test(nameOf(error)) || fullText.test(textOf(error))
}

/** A failure as the kernel knows it: `quota-exceeded` when there is no room, else `storage-failed`. */
export function failure(error: unknown, database: string): BrokerError {
  if (error instanceof BrokerError) return error
  const [name, text] = [nameOf(error), textOf(error)]
  const message = `${database}: ${[name, text].filter((part) => part !== '').join(': ')}`
  return new BrokerError(isFull(error) ? 'quota-exceeded' : 'storage-failed', message, { cause: error })
}

// A DOMException is no Error everywhere.
function nameOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'name' in error ? String(error.name) : ''
}

function textOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : String(error)
}
