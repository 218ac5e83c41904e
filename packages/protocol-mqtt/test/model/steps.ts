import * as fc from 'fast-check'
import type { Client } from './client.ts'
import type { World } from './world.ts'

/** Something that happens. A counterexample shows it by its name. */
export interface Step {
  run(world: World): void | Promise<void>
  readonly [fc.toStringMethod]: () => string
}

function step(name: string, run: (world: World) => void | Promise<void>): Step {
  return { run, [fc.toStringMethod]: () => name }
}

const peers = ['a', 'b', 'm', 'n', 'p', 'q']

function by(index: number, name: string, run: (client: Client) => void): Step {
  return step(`${peers[index]!}.${name}`, ({ clients }) => run(clients[index]!))
}

const anyone = fc.nat({ max: 5 })
const subscriber = fc.nat({ max: 3 })
const publisher = fc.constantFrom(4, 4, 5, 5, 0)
const qos = fc.constantFrom(0 as const, 1 as const, 1 as const, 2 as const, 2 as const)
const count = fc.integer({ min: 1, max: 6 })
const topic = fc.constantFrom('a/1', 'a/1', 'a/2', 'g/1', 'g/1', 'g/2')
const filters = [
  ['a/1', 'a/+', '#', '+/1'],
  ['a/1', 'a/+', '$share/g/g/+', '$share/g/g/+'],
]

/** A filter that this subscriber may use. */
function filterFor(index: number, pick: number): string {
  return filters[index < 2 ? 0 : 1]![pick]!
}

const weighted: readonly [number, fc.Arbitrary<Step>][] = [
  [
    20,
    fc
      .tuple(publisher, topic, qos, fc.constantFrom(undefined, undefined, undefined, 2), fc.boolean())
      .map(([who, t, q, expiry, alias]) =>
        by(who, `publish(${t}, QoS ${q}${expiry === undefined ? '' : `, ${expiry} s`}${alias ? ', alias' : ''})`, (c) =>
          c.sender.publish({ topic: t, qos: q, expiry, alias }),
        ),
      ),
  ],
  [14, fc.tuple(anyone, count).map(([who, n]) => by(who, `read(${n})`, (c) => c.read(n)))],
  [
    16,
    fc
      .tuple(anyone, fc.constantFrom('puback', 'pubrec', 'pubrel', 'pubcomp'), count)
      .map(([who, kind, n]) => by(who, `${kind}(${n})`, (c) => c.answer(kind, n, false))),
  ],
  [
    1,
    fc
      .tuple(subscriber, fc.constantFrom('puback', 'pubrec'))
      .map(([who, kind]) => by(who, `${kind}(0x83)`, (c) => c.answer(kind, 1, true))),
  ],
  [1, subscriber.map((who) => by(who, 'pubrec again', (c) => c.acceptAgain()))],
  [1, fc.tuple(publisher, count).map(([who, at]) => by(who, `repeat(${at})`, (c) => c.sender.repeat(at)))],
  [
    5,
    fc.tuple(subscriber, fc.nat({ max: 3 }), qos).map(([who, pick, q]) => {
      const filter = filterFor(who, pick)
      return by(who, `subscribe(${filter}, QoS ${q})`, (c) => c.subscribe(filter, q))
    }),
  ],
  [
    2,
    fc.tuple(subscriber, fc.nat({ max: 3 })).map(([who, pick]) => {
      const filter = filterFor(who, pick)
      return by(who, `unsubscribe(${filter})`, (c) => c.unsubscribe(filter))
    }),
  ],
  [
    6,
    fc
      .record({
        who: anyone,
        clean: fc.constantFrom(false, false, false, false, true),
        expiry: fc.constantFrom(Infinity, Infinity, Infinity, 5000, 0),
        receiveMaximum: fc.constantFrom(1, 2, 5),
        aliases: fc.constantFrom(0, 0, 2),
      })
      .map(({ who, ...login }) => by(who, `connect(${JSON.stringify(login)})`, (c) => c.connect(login))),
  ],
  [
    4,
    fc
      .tuple(anyone, fc.constantFrom('drop', 'drop', 'hangUp', 'disconnect'))
      .map(([who, how]) => by(who, how, (c) => c.leave(how))),
  ],
  [2, fc.tuple(subscriber, fc.boolean()).map(([who, on]) => by(who, on ? 'pause' : 'resume', (c) => c.pause(on)))],
  [4, fc.constant(step('turn', (world) => world.turn()))],
  [12, fc.constant(step('settle', (world) => world.settle()))],
  [6, fc.constant(step('serve all', (world) => world.serveAll()))],
  [3, fc.constantFrom(1, 100, 1100, 2500, 9000).map((ms) => step(`advance(${ms} ms)`, (world) => world.advance(ms)))],
  [3, fc.boolean().map((held) => step(held ? 'slow disk' : 'fast disk', ({ disk }) => disk.hold(held)))],
  [6, fc.constant(step('disk goes on', ({ disk }) => disk.proceed()))],
  [1, fc.constant(step('disk fails', (world) => world.spoil(1, 0)))],
  [1, fc.constant(step('disk cannot be read', (world) => world.spoil(0, 1)))],
  [2, fc.boolean().map((applied) => step(`crash(${applied ? 'applied' : ''})`, (world) => world.crash(applied)))],
  [1, fc.constant(step('restart', (world) => world.restart()))],
]

/** Any step, the common ones more often. */
export const anyStep: fc.Arbitrary<Step> = fc.oneof(...weighted.map(([weight, arbitrary]) => ({ weight, arbitrary })))
