import { isFilter } from '@isomq/kernel'
import { autoSubscriptionFault, rewriteFault } from '@isomq/protocol-mqtt'
import { ruleFault } from '@isomq/acl'
import { demandsLogin } from '../access/demands-login.ts'
import { bridgeFaults } from '../bridges.ts'
import { siteFaults } from '../web/sites.ts'
import { isLoopback } from './loopback.ts'
import type { Merged } from './merge.ts'
import type { Problem } from './source.ts'
import { type Config, listenerNames, type TlsSettings } from './types.ts'
import { formatBytes } from './units.ts'

/** What is wrong with a configuration although every single value is right. */
export function checkConfig(config: Config, merged: Merged): Problem[] {
  const problems: Problem[] = []
  const refuse = (path: string, message: string): void => {
    problems.push({ source: merged.blame(path), path, message })
  }
  // With nothing to wait for, the process would end as if all were well.
  if (Object.values(config.listeners).every((listener) => listener === false)) {
    const source = merged.blame('listeners.mqtt')
    problems.push({ source, path: 'listeners', message: 'are all off: nobody could connect' })
  }
  for (const name of exposedListeners(config)) {
    const path = `listeners.${name}.host`
    const listener = config.listeners[name]
    if (!config.allowAnonymous && listener !== false) {
      const listens = `${listener.host} can be reached by other machines and nobody has to log in`
      refuse(path, `${listens}; add --allow-anonymous (allowAnonymous: true) if that is meant`)
    }
  }
  for (const name of ['mqtts', 'wss', 'https'] as const) {
    const listener = config.listeners[name]
    if (listener !== false && listener.requestCert && listener.ca === undefined) {
      refuse(`listeners.${name}.ca`, 'is required with requestCert: it says whose certificates are good')
    }
  }
  const names = config.authentication.scram.users.map(({ username }) => username)
  for (const name of new Set(names.filter((each, i) => names.indexOf(each) < i)))
    refuse('authentication.scram.users', `has ${JSON.stringify(name)} more than once`)
  const { maxKeepAlive, unsentPause, unsentLimit } = config.limits
  // Cut to seconds, half a second would become 0: no bound at all.
  if (maxKeepAlive % 1000 !== 0) refuse('limits.maxKeepAlive', 'must be whole seconds')
  if (unsentPause > unsentLimit) {
    refuse(
      'limits.unsentPause',
      `(${formatBytes(unsentPause)}) must not be above limits.unsentLimit (${formatBytes(unsentLimit)})`,
    )
  }
  for (const [i, filter] of config.history.filters.entries())
    if (!isFilter(filter)) refuse(`history.filters.${i}`, `(${filter}) is no topic filter`)
  for (const [i, rule] of config.rewrite.entries()) {
    const fault = rewriteFault(rule)
    if (fault !== undefined) refuse(`rewrite.${i}.${fault.key}`, fault.message)
  }
  for (const [i, entry] of config.autoSubscribe.entries()) {
    const fault = autoSubscriptionFault(entry, config.limits)
    if (fault !== undefined)
      refuse(`autoSubscribe.${i}.filter`, `(${entry.filter}) can never be subscribed to: ${fault}`)
  }
  for (const [i, rule] of config.authorization.rules.entries()) {
    const fault = ruleFault(rule)
    if (fault !== undefined) refuse(`authorization.rules.${i}.${fault.key}`, fault.message)
  }
  for (const { path, message } of [...bridgeFaults(config.bridges), ...siteFaults(config.sites)]) refuse(path, message)
  return problems
}

/** The listeners that other machines can reach and that let anyone in. A verified client certificate counts as a login. */
export function exposedListeners(config: Config): (keyof Config['listeners'])[] {
  if (demandsLogin(config)) return []
  return listenerNames.filter((name) => {
    const listener = config.listeners[name]
    return listener !== false && !isLoopback(listener.host) && !isVerified(listener)
  })
}

function isVerified(listener: object): boolean {
  const { requestCert, ca } = listener as Partial<TlsSettings>
  return requestCert === true && ca !== undefined
}
