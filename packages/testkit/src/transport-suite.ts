import type { Case } from './case.ts'
import { transportBytes } from './transport-bytes.ts'
import { transportClose } from './transport-close.ts'
import { transportFlow } from './transport-flow.ts'
import type { TransportHarness } from './transport-harness.ts'

/** The contract of `Connection`, statement by statement. Every transport passes all of it, over a real link of its own. */
export const transportSuite: readonly Case<TransportHarness>[] = [
  ...transportBytes,
  ...transportFlow,
  ...transportClose,
]
