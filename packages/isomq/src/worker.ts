export { type Hosted, serveWorker } from '@isomq/browser'
