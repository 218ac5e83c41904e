export { connectWorker, type ConnectWorkerOptions, type WorkerLink } from './connect-worker.ts'
export { ConnectionSocket, type Dial } from './connection-socket.ts'
export { installWebSocket, type InstallWebSocketOptions } from './install-web-socket.ts'
export { type Hosted, serveWorker } from './worker.ts'
