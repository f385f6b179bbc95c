import { spawnSync } from 'node:child_process'
import type { Bubblewrap } from './bubblewrap.ts'
import type { Bundles } from './bundle.ts'
import type { Floor } from './floor.ts'
import { type Launcher, type Sample, statusText } from './launcher.ts'
import type { Options } from './options.ts'
import type { Progress } from './progress.ts'
import type { Measurement } from './results.ts'
import type { Runtime } from './runtimes.ts'

/** One thing to measure. */
export interface Point {
  readonly name: string
  /** One sentence. */
  readonly summary: string
  measure(bench: Bench): Promise<Measurement[]>
}

/** Somebody pressed Ctrl-C. */
export class Interrupted extends Error {
  constructor() {
    super('interrupted')
  }
}

/** What every point works with. */
export interface Bench {
  readonly options: Options
  readonly runtimes: readonly Runtime[]
  /** The name of the runtime that others are compared with. */
  readonly reference: string | undefined
  readonly floor: Floor | undefined
  readonly bubblewrap: Bubblewrap | undefined
  readonly bundles: Bundles
  /** The bundle that runs /bin/true. */
  readonly bundle: string
  /** Begins the name of every container. */
  readonly tag: string
  /** A directory for anything. */
  readonly directory: string
  readonly progress: Progress
  readonly launcher: Launcher
  /** Something that a reader of the results has to know. */
  note(text: string): void
  /** Lets the event loop run; throws Interrupted after a Ctrl-C. */
  turn(): Promise<void>
}

/** How many rounds a point makes: its own number, what --rounds says, or a fifth of it with --quick. */
export function rounds({ options }: Bench, usual: number): number {
  return options.rounds ?? (options.quick ? Math.max(3, Math.ceil(usual / 5)) : usual)
}

/** A count of something other than rounds, cut by --quick. */
export function amount({ options }: Bench, usual: number, quick: number): number {
  return options.quick ? quick : usual
}

/** The one command of a launch, which must have succeeded. Throws an error with the command's own words. */
export function expectSuccess(
  sample: Sample,
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): void {
  const failed = sample.statuses.find(status => status !== 0)
  if (failed === undefined) return
  throw new Error(`${statusText(failed)}${ownWords(words, env)}`)
}

/** What the command says when it is asked again. */
function ownWords(words: readonly string[], env: Readonly<Record<string, string>>): string {
  const { status, stderr } = spawnSync(words[0]!, words.slice(1), {
    encoding: 'utf8',
    timeout: 60_000,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...env },
  })
  const line = (stderr ?? '').trim().split('\n').at(-1) ?? ''
  if (line !== '') return `: ${line}`
  return status === 0 ? ', and success when tried again' : ''
}

/** A command that prepares or cleans, and must succeed. Its output may be a container's, which lives on: it is not read. */
export function must(launcher: Launcher, words: readonly string[]): void {
  expectSuccess(launcher.prepare([words]).run(), words)
}
