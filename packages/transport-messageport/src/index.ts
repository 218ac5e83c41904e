export { connectMessagePort, type ConnectMessagePortOptions } from './connect.ts'
export { type BroadcastOptions, connectBroadcast, listenBroadcast } from './broadcast.ts'
export { PeerDead } from './peer-dead.ts'
export { listenMessagePort, type ListenMessagePortOptions, type MessageSource } from './listen.ts'
