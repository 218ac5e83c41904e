export { connectWebSocket, type ConnectWebSocketOptions } from './connect.ts'
export { connectWs, type ConnectWsOptions, type WsClientTls } from './connect-ws.ts'
export {
  listenWebSocket,
  type ListenWebSocketOptions,
  type Preamble,
  type WebSocketListener,
  type WebSocketServerTls,
} from './listen.ts'
export { behindPreamble, originOf } from './preamble.ts'
