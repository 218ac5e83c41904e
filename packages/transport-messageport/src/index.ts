export { connectMessagePort, type ConnectMessagePortOptions } from './connect.ts'
export { listenMessagePort, type ListenMessagePortOptions, type MessageSource } from './listen.ts'
