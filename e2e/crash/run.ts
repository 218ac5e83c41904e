import { eventually } from '../support/within.ts'
import { type Cast, createCast, retainedTopics } from './cast.ts'
import type { Surroundings } from './client.ts'
import { History } from './history.ts'
import { Ledger } from './ledger.ts'
import { type CrashOptions, replay } from './options.ts'
import { probeRetained } from './probe.ts'
import { seeded } from './random.ts'
import { Victim } from './victim.ts'

/** What a run that found nothing has seen. */
export interface Outcome {
  readonly kills: number
  readonly messages: number
  readonly acknowledged: number
  readonly arrivals: number
  readonly repeats: number
  readonly connections: number
}

/** Milliseconds between two rounds of activity. */
const beat = 15

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}

/**
 * Clients publish and subscribe while the broker is killed again and again and started on the same directory; then
 * everything is drained and what is missing is looked for. Rejects with the whole story when a promise was broken.
 */
export async function crashRun(options: CrashOptions, durability: string): Promise<Outcome> {
  const run = new CrashRun(options, durability)
  try {
    return await run.play()
  } catch (error) {
    throw run.failure(error)
  }
}

class CrashRun implements Surroundings {
  readonly history = new History()
  readonly random
  readonly #options: CrashOptions
  readonly #durability: string
  readonly #victim: Victim
  readonly #ledger = new Ledger(this.history)
  readonly #cast: Cast
  #kills = 0
  #pulse: NodeJS.Timeout | undefined
  /** How many more acknowledgements the broker lives; undefined: it dies of something else. */
  #countdown: { left: number; readonly die: () => void } | undefined

  constructor(options: CrashOptions, durability: string) {
    this.#options = options
    this.#durability = durability
    this.random = seeded(options.seed)
    this.#victim = new Victim(this.history, durability)
    this.#cast = createCast(this, this.#ledger)
  }

  get port(): number | undefined {
    return this.#victim.port
  }

  acknowledged(): void {
    if (this.#countdown !== undefined && --this.#countdown.left <= 0) this.#countdown.die()
  }

  async play(): Promise<Outcome> {
    const { speakers, listeners } = this.#cast
    this.#victim.start()
    await this.#victim.ready()
    for (const client of [...listeners, ...speakers]) client.wake()
    await this.#until(() => listeners.every((each) => each.settled), 'everybody to be subscribed')
    this.#pulse = setInterval(() => this.#act(), beat)
    const end = performance.now() + this.#options.seconds * 1000
    for (; this.#kills < this.#options.kills && performance.now() < end; this.#kills++) {
      await this.#kill()
      this.#victim.start()
      await this.#victim.ready()
      await probeRetained(this, this.#ledger, retainedTopics)
    }
    clearInterval(this.#pulse)
    await this.#drain()
    await this.#restart()
    if (this.history.violations.length > 0) throw new Error('a promise was broken')
    return this.#outcome()
  }

  failure(error: unknown): Error {
    clearInterval(this.#pulse)
    for (const client of [...this.#cast.listeners, ...this.#cast.speakers]) client.sleep(false)
    const title = `${String(error)} (durability ${this.#durability}, ${this.#kills} kills)`
    return new Error(this.history.report(`${title}\nreplay: ${replay(this.#options, this.#durability)}`))
  }

  /** One beat of everybody's life. */
  #act(): void {
    const { speakers, sleepers, toggler } = this.#cast
    for (const speaker of speakers) {
      speaker.speak(this.random.int(0, 4))
      if (this.random.percent(0.4)) speaker.drop()
    }
    for (const sleeper of sleepers) {
      if (sleeper.ready && this.random.percent(2)) sleeper.sleep(this.random.percent(50))
      else if (this.random.percent(3)) sleeper.wake()
    }
    if (this.random.percent(4)) toggler.toggle()
    if (this.random.percent(1)) this.#cast.mortal().wake()
  }

  /** Kills the broker at an instant of some kind. Resolves when it is dead. */
  async #kill(): Promise<void> {
    const { random } = this
    switch (random.pick(['time', 'time', 'ack', 'ack', 'start'] as const)) {
      case 'time':
        await pause(random.int(50, 900))
        return await this.#victim.kill('some time has passed')
      case 'ack':
        return await this.#killAtAck(random.int(1, 800))
      case 'start':
        // It is starting or recovering when it dies the second time.
        await this.#victim.kill('to die again while it starts')
        this.#victim.start()
        await pause(random.int(50, 500))
        return await this.#victim.kill('while it starts')
    }
  }

  /** Kills the broker in the moment in which so many more acknowledgements have arrived. */
  #killAtAck(left: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const die = (): void => {
        clearTimeout(timer)
        this.#countdown = undefined
        this.#victim.kill('an acknowledgement has arrived').then(resolve, reject)
      }
      // There may be nothing left to acknowledge, though that is not likely.
      const timer = setTimeout(die, 3000)
      this.#countdown = { left, die }
    })
  }

  /** Everybody is awake, nobody says anything new: what is owed arrives. */
  async #drain(): Promise<void> {
    const { speakers, listeners, audiences, toggler } = this.#cast
    for (const listener of listeners) listener.wake()
    await this.#until(() => {
      if (toggler.settled && !toggler.listening) toggler.toggle()
      return toggler.listening && listeners.every((each) => each.ready)
    }, 'everybody to be back')
    await this.#until(
      () => speakers.every((each) => each.unsettled === 0),
      () => `every publication to be completed: ${speakers.map((each) => each.unsettled).join(', ')} are not`,
    )
    try {
      await eventually(
        () => audiences.every((each) => each.missing().length === 0),
        () => 'to arrive',
        10_000,
      )
    } catch {
      for (const audience of audiences)
        for (const entry of audience.missing())
          this.history.violation(audience.name, `never got ${entry.key}, QoS ${entry.qos} on ${entry.topic}`, entry.key)
      throw new Error('messages are lost')
    }
    await this.#until(
      () => listeners.every((each) => each.unsettled === 0),
      () => `every delivery to be completed: ${listeners.map((each) => `${each.id} ${each.unsettled}`).join(', ')}`,
    )
    await this.#quiet()
    await probeRetained(this, this.#ledger, retainedTopics)
  }

  /** Ends it in order: nobody is owed anything any more, all sessions are there, and so are their subscriptions. */
  async #restart(): Promise<void> {
    const { speakers, listeners, audiences } = this.#cast
    // What was sent again, its acknowledgement lost, is delayed again. Nothing is, once what was delayed last has come.
    speakers[0]!.say({ topic: 'late/x', delay: 1 }, 2)
    await this.#until(
      () => speakers[0]!.unsettled === 0 && audiences.every((each) => each.missing().length === 0),
      'a delayed message to arrive everywhere',
    )
    await this.#until(() => listeners.every((each) => each.unsettled === 0), 'its delivery to be completed')
    await this.#quiet()
    await this.#victim.stop()
    const arrivals = this.#arrivals
    this.#victim.start()
    await this.#victim.ready()
    await this.#until(() => [...listeners, ...speakers].every((each) => each.ready), 'everybody to be back')
    await this.#quiet()
    if (this.#arrivals !== arrivals)
      this.history.violation('BROKER', `sent ${this.#arrivals - arrivals} messages that were settled`)
    for (const topic of ['t/a', 't/b', 't/c', 'late/x', 'will/x']) speakers[0]!.say({ topic }, 2)
    await this.#until(
      () => speakers[0]!.unsettled === 0 && audiences.every((each) => each.missing().length === 0),
      'a last message to arrive everywhere: a subscription is lost',
    )
    await this.#quiet()
    for (const client of [...listeners, ...speakers]) client.sleep(true)
    await this.#victim.stop()
  }

  /** Everything the broker has sent is here. */
  async #quiet(): Promise<void> {
    for (const listener of this.#cast.listeners) listener.ask()
    await this.#until(() => this.#cast.listeners.every((each) => each.quiet), 'every listener to be answered')
  }

  #until(fact: () => boolean, what: string | (() => string)): Promise<void> {
    return eventually(fact, typeof what === 'string' ? () => what : what)
  }

  get #arrivals(): number {
    return this.#cast.audiences.reduce((sum, each) => sum + each.arrivals, 0)
  }

  #outcome(): Outcome {
    const { audiences, listeners, speakers } = this.#cast
    const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0)
    return {
      kills: this.#kills,
      messages: this.#ledger.size,
      acknowledged: [...this.#ledger].filter((each) => each.acked !== undefined).length,
      arrivals: this.#arrivals,
      repeats: sum(audiences.map((each) => each.repeats)),
      connections: sum([...listeners, ...speakers].map((each) => each.connected)),
    }
  }
}
