export { ConnectionSocket, type Dial } from './connection-socket.ts'
export { installWebSocket, type InstallWebSocketOptions } from './install-web-socket.ts'
