import { parseArgs } from 'node:util'
import { PEER_NAMES, type PeerName } from './peers/peer.ts'

/** What the command line asks for. */
export interface Options {
  readonly only: RegExp
  readonly peers: readonly PeerName[]
  readonly warmUpMs: number
  readonly measureMs: number
  readonly quick: boolean
  readonly all: boolean
  readonly list: boolean
  readonly help: boolean
  readonly markdown: string | undefined
}

/** The text of `--help`. */
export const USAGE: string = `Usage: pnpm bench [options]
  --only <regex>      only scenarios whose name matches
  --peers <names>     of ${PEER_NAMES.join(',')}; separated by commas
  --seconds <number>  length of each measurement (3; with --quick 0.7)
  --quick             short phases and fewer silent subscriptions, to see that everything works
  --markdown <file>   write the results as Markdown, too
  --all               every shape at every QoS, payload and transport: more than half an hour
  --list              list the scenarios and end
  --help              this text`

/** Reads the command line; throws with a sentence for the user when it makes no sense. */
export function parseOptions(args: string[]): Options {
  const { values } = parseArgs({
    // pnpm hands on the -- that separates its own options.
    args: args.filter((arg) => arg !== '--'),
    options: {
      only: { type: 'string', default: '' },
      peers: { type: 'string', default: PEER_NAMES.join(',') },
      seconds: { type: 'string' },
      markdown: { type: 'string' },
      quick: { type: 'boolean', default: false },
      all: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  const { quick, all, list, help, markdown } = values
  const seconds = Number(values.seconds ?? (quick ? 0.7 : 3))
  if (!(seconds > 0 && seconds <= 60)) throw new Error('--seconds takes a number above 0, at most 60')
  return {
    only: new RegExp(values.only, 'i'),
    peers: values.peers.split(',').map(peerName),
    warmUpMs: quick ? 300 : 1500,
    measureMs: seconds * 1000,
    quick,
    all,
    list,
    help,
    markdown,
  }
}

function peerName(text: string): PeerName {
  const name = PEER_NAMES.find((name) => name === text.trim())
  if (name === undefined) throw new Error(`--peers: ${text} is none of ${PEER_NAMES.join(', ')}`)
  return name
}
