export { connectWebSocket, type ConnectWebSocketOptions } from './connect.ts'
