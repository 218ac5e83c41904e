import { BrokerError, type ErrorCode } from '@isomq/kernel'

/** Throws with this message unless the condition is true. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message)
}

/** Throws unless both are the same value (`Object.is`). */
export function equal<T>(actual: T, expected: T, what: string): void {
  if (!Object.is(actual, expected)) throw new Error(`${what}: expected ${show(expected)}, got ${show(actual)}`)
}

/**
 * Throws unless both have the same shape and content; the message names the first place where they differ. Byte arrays
 * are compared by their bytes whatever their class; a property that is undefined equals one that is absent.
 */
export function deepEqual(actual: unknown, expected: unknown, what: string): void {
  const path = difference(actual, expected, what)
  if (path !== undefined) throw new Error(path)
}

/** Throws unless both hold the same bytes; the message gives the first index that differs. */
export function equalBytes(actual: Uint8Array, expected: Uint8Array, what: string): void {
  const length = Math.min(actual.length, expected.length)
  for (let i = 0; i < length; i++) {
    if (actual[i] !== expected[i]) throw new Error(`${what}: byte ${i} is ${actual[i]}, expected ${expected[i]}`)
  }
  equal(actual.length, expected.length, `${what}: length`)
}

/** Throws unless the promise rejects with a BrokerError of this code. Returns the error. */
export async function rejects(promise: Promise<unknown>, code: ErrorCode, what: string): Promise<BrokerError> {
  let result: unknown
  try {
    result = await promise
  } catch (error) {
    if (!(error instanceof BrokerError)) {
      throw new Error(`${what}: rejected with ${show(error)}, no BrokerError`, { cause: error })
    }
    equal(error.code, code, `${what}: code`)
    return error
  }
  throw new Error(`${what}: expected a rejection with ${code}, got ${show(result)}`)
}

function difference(actual: unknown, expected: unknown, path: string): string | undefined {
  if (Object.is(actual, expected)) return undefined
  const differs = `${path}: expected ${show(expected)}, got ${show(actual)}`
  if (typeof actual !== 'object' || typeof expected !== 'object' || actual === null || expected === null) return differs
  if (actual instanceof Uint8Array || expected instanceof Uint8Array) {
    if (!(actual instanceof Uint8Array && expected instanceof Uint8Array)) return differs
    const same = actual.length === expected.length && actual.every((byte, i) => byte === expected[i])
    return same ? undefined : differs
  }
  if (Array.isArray(actual) !== Array.isArray(expected)) return differs
  if (Array.isArray(actual) && Array.isArray(expected) && actual.length !== expected.length) {
    return `${path}: expected ${expected.length} elements, got ${actual.length}: ${show(actual)}`
  }
  const left = new Map<string, unknown>(Object.entries(actual))
  const right = new Map<string, unknown>(Object.entries(expected))
  for (const key of new Set([...right.keys(), ...left.keys()])) {
    const found = difference(left.get(key), right.get(key), `${path}.${key}`)
    if (found !== undefined) return found
  }
  return undefined
}

function show(value: unknown): string {
  if (value instanceof Uint8Array) {
    const head = Array.from(value.subarray(0, 16)).join(' ')
    return `${value.length} bytes [${head}${value.length > 16 ? ' …' : ''}]`
  }
  if (value instanceof Error) return `${value.name}: ${value.message}`
  if (typeof value !== 'object' || value === null) return typeof value === 'string' ? `'${value}'` : String(value)
  if (Array.isArray(value)) {
    const head = value.slice(0, 8).map(show).join(', ')
    return `[${head}${value.length > 8 ? ', …' : ''}]`
  }
  const fields = Object.entries(value).map(([key, field]) => `${key}: ${show(field)}`)
  return `{ ${fields.join(', ')} }`
}
