import type { LoadPlan } from './plan.ts'

/** The topics a publisher goes round. All have the same length, so that all its packets have. */
export function topicsOf(plan: LoadPlan, publisher: number): string[] {
  if (plan.topics === 1) return [topic(plan.wiring === 'pairs' ? publisher : 0)]
  return Array.from({ length: plan.topics }, (_, index) => topic(index))
}

/** The filter of a measured subscriber. */
export function filterOf(plan: LoadPlan, subscriber: number): string {
  if (plan.topics > 1) return 'bench/#'
  return topic(plan.wiring === 'pairs' ? subscriber : 0)
}

/** A filter that matches no topic of the load; every tenth one has a wildcard. */
export function ballastFilter(index: number): string {
  const site = index % 100
  return index % 10 === 0 ? `site/${site}/+/${index}/state` : `site/${site}/device/${index}/state`
}

/** The first line of the relay's protocol: part and group. */
export function relayHello(part: 'P' | 'S', plan: LoadPlan, index: number): string {
  return `${part}${plan.wiring === 'pairs' ? index : 0}`
}

/** Runs a task for 0…count-1, up to 50 at a time. */
export async function forEachIndex(count: number, task: (index: number) => Promise<void>): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < count) await task(next++)
  }
  await Promise.all(Array.from({ length: Math.min(50, count) }, worker))
}

function topic(index: number): string {
  return `bench/${String(index).padStart(5, '0')}`
}
