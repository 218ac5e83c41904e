export {
  defineConfig,
  type Config,
  type ConfigInput,
  type TcpSettings,
  type TlsSettings,
  type WsSettings,
} from './config/types.ts'
export { createLog, type Log } from './log.ts'
export { nodeHost } from './node-host.ts'
export { startServer, type Server } from './server.ts'
export { UserError } from './user-error.ts'
