// Takes the place of vitest where there is none: in a page, and in workers. What our tests use of it, and no more: the
// assertions are vitest's own.
import {
  ASYMMETRIC_MATCHERS_OBJECT,
  chai,
  type ExpectStatic,
  JestAsymmetricMatchers,
  JestChaiExpect,
  JestExtend,
} from '@vitest/expect'
import type { Test } from './run-tests.ts'

type Body = () => unknown

/** Milliseconds a test may take unless it says otherwise. It shares the machine with a browser. */
const patience = 60_000

const registered: Test[] = []
let path: readonly string[] = []
const afterEachTest: Body[] = []

/** The tests that were registered since the last call, in order. */
export function takeTests(): Test[] {
  return registered.splice(0)
}

export const describe = Object.assign(
  (name: string, body: Body) => {
    const outer = path
    path = [...path, name]
    try {
      body()
    } finally {
      path = outer
    }
  },
  { each: eachOf((name, body: Body) => describe(name, body)) },
)

export const it = Object.assign(
  (name: string, body: Body, timeout: number = patience) => {
    registered.push({ name: [...path, name].join(' > '), run: () => runTest(body, Math.max(timeout, patience)) })
  },
  {
    each: eachOf((name, body: Body, timeout?: number) => it(name, body, timeout)),
    skip: (name: string) => void registered.push({ name: [...path, name].join(' > '), reason: 'the test is skipped' }),
  },
)

export { it as test }

/** For all tests of all files. */
export function afterEach(body: Body): void {
  afterEachTest.push(body)
}

export const vi = { setConfig(): void {} }

for (const plugin of [JestExtend, JestChaiExpect, JestAsymmetricMatchers]) chai.use(plugin)
export const expect: ExpectStatic = Object.assign(
  ((value: unknown, message?: string) => chai.expect(value, message)) as unknown as ExpectStatic,
  chai.expect,
  Reflect.get(globalThis, ASYMMETRIC_MATCHERS_OBJECT) as object,
  {
    unreachable: (message: string = 'this ought not to be reached') => {
      throw new Error(message)
    },
  },
)

async function runTest(body: Body, timeout: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not over within ${timeout} ms`)), timeout)
  })
  try {
    await Promise.race([Promise.resolve().then(body), late])
  } finally {
    clearTimeout(timer)
    // As in vitest: what came last goes first.
    for (const after of afterEachTest.toReversed()) await after()
  }
}

/** `each`: rows are arrays of arguments, or one argument each. */
function eachOf(define: (name: string, body: Body, timeout?: number) => void) {
  return (rows: readonly unknown[]) =>
    (name: string, body: (...args: readonly unknown[]) => unknown, timeout?: number): void => {
      for (const [i, row] of rows.entries()) {
        const args: readonly unknown[] = Array.isArray(row) ? row : [row]
        define(format(name, args, i), () => body(...args), timeout)
      }
    }
}

/** A name with its arguments in the place of `%s` and its like, and of `$property`. */
function format(name: string, args: readonly unknown[], index: number): string {
  const left = [...args]
  return name
    .replaceAll(/%[a-zA-Z#%]/g, (sign) => (sign === '%#' ? String(index) : sign === '%%' ? '%' : text(left.shift())))
    .replaceAll(/\$(\w+)/g, (whole, key: string) => {
      const first = args[0]
      return typeof first === 'object' && first !== null && key in first ? text(Reflect.get(first, key)) : whole
    })
}

function text(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
