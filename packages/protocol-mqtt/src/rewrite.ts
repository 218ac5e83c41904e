import { isFilter, isTopic, matches, type Principal } from '@isomq/kernel'
import { regexRisk } from './regex-risk.ts'

/** What a name is used for. */
export type Action = 'publish' | 'subscribe'

/** How names of topics and filters are replaced by others. */
export interface RewriteRule {
  readonly action: Action | 'all'
  /** Filter that covers the names it applies to. Wildcards in the filter of a subscription count as ordinary text. */
  readonly source: string
  /** ECMAScript regular expression, found anywhere in the name unless anchored. */
  readonly regex: string
  /** The new name, in which `$1` to `$9` stand for groups of the regex, `${clientid}` and `${username}` for the client. */
  readonly target: string
}

/** What is wrong with a rule, and where. */
export interface RewriteFault {
  readonly key: 'source' | 'regex' | 'target'
  readonly message: string
}

/** Rules, ready to be applied. */
export interface Rewrite {
  /** The name that is meant: the same where no rule says otherwise; undefined where the rules lead to none. */
  apply(action: Action, name: string, principal: Principal): string | undefined
}

/** Text, or what is put in its place; undefined where the client has nothing that may stand there. */
type Piece = string | ((groups: RegExpExecArray, principal: Principal) => string | undefined)

interface Compiled {
  readonly action: RewriteRule['action']
  readonly source: string
  readonly regex: RegExp
  readonly target: readonly Piece[]
}

// Regexes are the administrator's but names the clients': what remains possible is time that grows with a power of the
// length (a third power takes some 15 ms for this many characters), so longer ones are refused unread.
const longest = 256

/** Rules in order, the first that matches wins; undefined where there are none. Throws RangeError for a rule that is wrong. */
export function createRewrite(rules: readonly RewriteRule[]): Rewrite | undefined {
  if (rules.length === 0) return undefined
  const compiled = rules.map((rule, i): Compiled => {
    const fault = rewriteFault(rule)
    if (fault !== undefined) throw new RangeError(`rewrite.${i}.${fault.key} ${fault.message}`)
    const { action, source, regex, target } = rule
    return { action, source, regex: new RegExp(regex, 'u'), target: piecesOf(target) }
  })
  return {
    apply(action, name, principal) {
      for (const { action: only, source, regex, target } of compiled) {
        if ((only !== action && only !== 'all') || !matches(source, name)) continue
        if (name.length > longest) return undefined
        const groups = regex.exec(name)
        if (groups !== null) return checked(action, fill(target, groups, principal))
      }
      return name
    },
  }
}

/** What is wrong with a rule, if anything. */
export function rewriteFault({ action, source, regex, target }: RewriteRule): RewriteFault | undefined {
  if (!isFilter(source)) return { key: 'source', message: 'must be a topic filter' }
  const refused = regexFault(regex)
  if (refused !== undefined) return { key: 'regex', message: refused }
  const bare = target.replaceAll(placeholder, 'x')
  const strange = /\$(?:\{[^}]*\}?|.)?/u.exec(bare)
  if (strange !== null) {
    const known = '$1 to $9, ${clientid} and ${username}'
    return { key: 'target', message: `has ${strange[0]}, which stands for nothing; what may stand there is ${known}` }
  }
  // With an empty alternative it always matches, and tells how many groups it has.
  const groups = new RegExp(`${regex}|`, 'u').exec('')!.length - 1
  for (const [text, number] of target.matchAll(placeholder)) {
    if (number !== undefined && Number(number) > groups)
      return {
        key: 'target',
        message: `has ${text}, but the regex has ${groups === 1 ? '1 group' : `${groups} groups`}`,
      }
  }
  if (action !== 'subscribe' && !isTopic(bare))
    return { key: 'target', message: 'must make a topic: some text, and no wildcards' }
  return isFilter(bare) ? undefined : { key: 'target', message: 'must make a topic filter' }
}

function regexFault(regex: string): string | undefined {
  try {
    void new RegExp(regex, 'u')
  } catch (error) {
    return `is not a regular expression: ${(error as Error).message.replace(/^.*: /s, '')}`
  }
  return regexRisk(regex)
}

const placeholder = /\$(?:([1-9])|\{(clientid|username)\})/g

function piecesOf(target: string): Piece[] {
  const pieces: Piece[] = []
  let at = 0
  for (const { 0: text, 1: number, 2: name, index } of target.matchAll(placeholder)) {
    pieces.push(target.slice(at, index))
    if (number !== undefined) pieces.push((groups) => groups[Number(number)] ?? '')
    else if (name === 'clientid') pieces.push((_, { clientId }) => levelOf(clientId))
    else pieces.push((_, { username }) => levelOf(username))
    at = index + text.length
  }
  pieces.push(target.slice(at))
  return pieces
}

/** A client's own word, where it is a level and nothing more: it must not widen a filter or lead elsewhere. */
function levelOf(word: string | undefined): string | undefined {
  return word === undefined || word === '' || /[+#/]/.test(word) ? undefined : word
}

function fill(target: readonly Piece[], groups: RegExpExecArray, principal: Principal): string | undefined {
  let name = ''
  for (const piece of target) {
    const text = typeof piece === 'string' ? piece : piece(groups, principal)
    if (text === undefined) return undefined
    name += text
  }
  return name
}

/** The name if it may be used so. Rules never lead to one that starts with `$`: not to `$SYS`, not to a group. */
function checked(action: Action, name: string | undefined): string | undefined {
  if (name === undefined || name.startsWith('$')) return undefined
  return (action === 'publish' ? isTopic(name) : isFilter(name)) ? name : undefined
}
