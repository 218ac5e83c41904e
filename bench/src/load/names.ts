import type { LoadPlan } from './plan.ts'

/** How many digits end a new topic; they are written over with the number of the message. */
export const FRESH_DIGITS = 8
/** Prime to the number of filters: places go through them all, far from each other. */
const STRIDE = 7919

/**
 * The topics a publisher goes round. All have the same length, so that all its packets have. New ones go as deep as the
 * ballast's filters, along the levels of one of them, and differ from it in the last level, which is the message's number.
 */
export function topicsOf(plan: LoadPlan, publisher: number): string[] {
  if (plan.fresh) return Array.from({ length: plan.topics }, (_, index) => freshTopic((index * STRIDE) % plan.ballast))
  if (plan.topics === 1) return [topic(plan.wiring === 'pairs' ? publisher : 0)]
  return Array.from({ length: plan.topics }, (_, index) => topic(index))
}

/** The filter of a measured subscriber. */
export function filterOf(plan: LoadPlan, subscriber: number): string {
  if (plan.fresh) return 'site/+/device/+/+'
  if (plan.topics > 1) return 'bench/#'
  return topic(plan.wiring === 'pairs' ? subscriber : 0)
}

/** A filter that matches no topic of the load; three of ten have a wildcard. */
export function ballastFilter(index: number): string {
  const site = siteOf(index)
  return index % 10 < 3 ? `site/${site}/+/${digits(index)}/state` : `site/${site}/device/${digits(index)}/state`
}

function freshTopic(index: number): string {
  return `site/${siteOf(index)}/device/${digits(index)}/${'0'.repeat(FRESH_DIGITS)}`
}

/** One of a hundred. By groups of ten: each site has filters of both kinds. */
function siteOf(index: number): string {
  return String(Math.floor(index / 10) % 100).padStart(2, '0')
}

function digits(index: number): string {
  return String(index).padStart(7, '0')
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
