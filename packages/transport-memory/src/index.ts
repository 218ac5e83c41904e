export { linkConnections, type LinkOptions } from './link-connections.ts'
