import { type AclRule, readMosquittoAcl, ruleFault } from '@isomq/acl'
import { extname } from 'node:path'
import * as v from 'valibot'
import { parseDocument } from 'yaml'
import { oneOf } from '../config/settings.ts'

/** Rules, and what is wrong with them; `line` where they are those of a file. */
export interface ReadRules {
  readonly rules: readonly AclRule[]
  readonly faults: readonly { readonly line?: number | undefined; readonly message: string }[]
}

const message = 'must be a text or a list of texts'
const text = v.string(message)
const texts = v.union(
  [
    v.pipe(
      text,
      v.transform((one): readonly string[] => [one]),
    ),
    v.pipe(v.array(text, message), v.readonly()),
  ],
  message,
)

const ruleEntries = {
  effect: oneOf(['allow', 'deny']),
  users: v.optional(texts),
  clients: v.optional(texts),
  publish: v.optional(texts),
  subscribe: v.optional(texts),
  qos: v.optional(oneOf([0, 1, 2])),
  retain: v.optional(v.boolean('must be true or false')),
}
const ruleSchema = v.strictObject(ruleEntries)

/** Reads the rules of a file: YAML or JSON by its name, else the grammar of mosquitto's `acl_file`. */
export function readRules(text: string, name: string): ReadRules {
  if (!['.yaml', '.yml', '.json'].includes(extname(name).toLowerCase())) return readMosquittoAcl(text)
  const document = parseDocument(text, { prettyErrors: true })
  if (document.errors.length > 0)
    return {
      rules: [],
      faults: document.errors.map((error) => ({
        line: error.linePos?.[0].line,
        message: error.message.split('\n')[0]!,
      })),
    }
  const { rules, faults } = rulesFrom(document.toJS())
  const lineOf = (index: number): number | undefined => {
    const range = (document.getIn([index], true) as { range?: [number] } | undefined)?.range
    return range === undefined ? undefined : text.slice(0, range[0]).split('\n').length
  }
  return { rules, faults: faults.map(({ index, message }) => ({ line: lineOf(index), message })) }
}

/** Rules out of a list of plain objects. */
export function rulesFrom(given: unknown): {
  readonly rules: readonly AclRule[]
  readonly faults: readonly { readonly index: number; readonly message: string }[]
} {
  if (!Array.isArray(given)) return { rules: [], faults: [{ index: 0, message: 'must be a list of rules' }] }
  const rules: AclRule[] = []
  const faults: { index: number; message: string }[] = []
  for (const [index, each] of (given as unknown[]).entries()) {
    const result = v.safeParse(ruleSchema, each)
    if (!result.success) {
      const [issue] = result.issues
      faults.push({ index, message: `rule ${index + 1}: ${v.getDotPath(issue) ?? 'it'} ${issue.message}` })
      continue
    }
    const fault = ruleFault(result.output)
    if (fault === undefined) rules.push(result.output)
    else faults.push({ index, message: `rule ${index + 1}: ${fault.key} ${fault.message}` })
  }
  return { rules, faults }
}
