import { Accounts, type Admin, type AdminOptions, createAdmin } from '@isomq/admin'
import { getRequestListener } from '@hono/node-server'
import type { Storage } from '@isomq/kernel'
import type { Answer } from './sites.ts'

/** The API over HTTP, and the password of the first administrator where he was made now. */
export interface AdminApi {
  readonly answers: (path: string) => Answer | undefined
  readonly firstPassword: string | undefined
  close(): void
}

/** Opens the inspection and control API; its users and keys are kept in the broker's storage. */
export async function openAdminApi(options: Omit<AdminOptions, 'accounts'>, storage: Storage): Promise<AdminApi> {
  const accounts = new Accounts(storage, options.broker.host.clock)
  const firstPassword = await accounts.begin()
  const admin: Admin = createAdmin({ ...options, accounts })
  const listener = getRequestListener(
    (request, { incoming }) => admin.fetch(request, { address: incoming.socket.remoteAddress }),
    { overrideGlobalObjects: false },
  )
  const answer: Answer = (request, response) => void listener(request, response)
  return {
    answers: (path) => (/^\/(api|api-docs)\//.test(path) ? answer : undefined),
    firstPassword,
    close: () => admin.close(),
  }
}
