import { Fd } from '../fd.ts'
import type { Result } from './result.ts'

/** What may differ between the members of a series. */
export type Varying = Fd | string

/** Asks for the calls of a member, and names those of their results that are of interest. */
export type Work<W extends readonly Varying[]> = (...words: W) => readonly Result[]

/** Stands for such a word while calls are put into memory, and remembers where. In messages it is the word itself. */
export class Hole {
  readonly word: Varying
  /** What goes into memory: a number, or the address of a text. */
  readonly value: number
  readonly places: number[] = []

  constructor(word: Varying, value: number) {
    this.word = word
    this.value = value
  }

  get subject(): string {
    return this.word instanceof Fd ? this.word.subject : this.word
  }

  toString(): string {
    return this.subject
  }
}
