import { isFilter } from '@isomq/kernel'
import { type AclRule, fill } from './rule.ts'

/** What a file in mosquitto's grammar says. */
export interface MosquittoAcl {
  readonly rules: readonly AclRule[]
  readonly faults: readonly { readonly line: number; readonly message: string }[]
}

type Access = 'deny' | 'read' | 'readwrite' | 'write'

/**
 * Reads an `acl_file` of mosquitto: `user <name>`, `topic [read|write|readwrite|deny] <filter>`, `pattern …`, comments. Topics
 * before the first user are for those without a user name. As there, what is denied to a user goes before what is allowed to him, that
 * before the patterns, and of these again what is denied first; what no line allows is denied.
 */
export function readMosquittoAcl(text: string): MosquittoAcl {
  const faults: { line: number; message: string }[] = []
  // By user, the empty name for those without; patterns are for everybody.
  const byUser = new Map<string, AclRule[]>([['', []]])
  const patterns: AclRule[] = []
  let user = ''
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.replace(/\r$/, '').trim()
    if (line === '' || line.startsWith('#')) continue
    const fault = (message: string): void => void faults.push({ line: index + 1, message })
    const [, word = '', rest = ''] = /^(\S+)\s*(.*)$/.exec(line)!
    if (word === 'user') {
      if (rest === '') fault('user has no name')
      user = rest
      if (!byUser.has(user)) byUser.set(user, [])
    } else if (word === 'topic' || word === 'pattern') {
      const [, access = 'readwrite', filter = ''] = /^(?:(read|write|readwrite|deny)\s+)?(.*)$/.exec(rest)!
      const known = word === 'pattern' ? fill(filter, 'a', 'a') : filter
      if (!isFilter(known)) fault(filter === '' ? `${word} has no filter` : `${filter} is no topic filter`)
      else if (word === 'pattern') put(patterns, ruleOf(access as Access, filter))
      // Outside of patterns these are characters like any other.
      else if (/%[uc]/.test(filter)) fault('%u and %c are for patterns')
      else put(byUser.get(user)!, { ...ruleOf(access as Access, filter), users: [user] })
    } else fault(`${word} is none of user, topic, pattern`)
  }
  return { rules: [...Array.from(byUser.values()).flat(), ...patterns], faults }
}

/** Behind those of its kind: denials come first. */
function put(rules: AclRule[], rule: AclRule): void {
  const allowed = rules.findIndex(({ effect }) => effect === 'allow')
  if (rule.effect === 'allow' || allowed < 0) rules.push(rule)
  else rules.splice(allowed, 0, rule)
}

function ruleOf(access: Access, filter: string): AclRule {
  if (access === 'deny') return { effect: 'deny', publish: [filter], subscribe: [filter] }
  return {
    effect: 'allow',
    ...(access === 'read' ? {} : { publish: [filter] }),
    ...(access === 'write' ? {} : { subscribe: [filter] }),
  }
}
