export {
  type BridgeFacts,
  type MetricSources,
  metricsText,
  type ProcessFacts,
  type ProtocolCounts,
} from './metrics-text.ts'
