export { Accounts, type Caller, type Role } from './accounts.ts'
export { type Admin, createAdmin } from './create-admin.ts'
export type { AdminOptions, BridgeFacts, ClientFacts, ListenerFacts } from './options.ts'
