import { ARENA_ADDRESS } from '../executor/protocol.ts'
import { currentPhrase, type Phrase } from '../failure.ts'
import type { Varying, Work } from './hole.ts'
import type { Space } from './marshal.ts'
import { NOT_DONE, type Operation } from './operation.ts'
import type { Template } from './series.ts'

/** The calls of a series that were asked for once more: operations that nobody has made one by one. */
export class Member {
  readonly offset: number
  readonly template: Template
  readonly phrase: Phrase | undefined
  /** To find out what the operations are. */
  readonly words: readonly Varying[]
  readonly work: Work<readonly Varying[]>
  /** Those whose results others ask for. */
  readonly returned: readonly Operation[]
  /** Undefined as long as none of them had to be looked at. */
  operations: readonly Operation[] | undefined

  constructor(
    template: Template,
    offset: number,
    words: readonly Varying[],
    work: Work<readonly Varying[]>,
    returned: readonly Operation[],
  ) {
    this.offset = offset
    this.template = template
    this.phrase = currentPhrase()
    this.words = words
    this.work = work
    this.returned = returned
    this.operations = undefined
  }

  get address(): number {
    return ARENA_ADDRESS + this.offset
  }

  link(space: Space, next: number): void {
    this.template.link(space, this.offset, next)
  }

  /** Have all operations been done as they should? Not when there may be others in their places. */
  isDone(space: Space): boolean {
    if (this.operations !== undefined) return false
    const { answers } = this.template
    for (let i = 0; i < answers.length; ) {
      const result = space.get(this.offset + answers[i++]!)
      const count = answers[i++]!
      if (result === NOT_DONE) return false
      if (result < 0 && count >= 0 && !answers.subarray(i, i + count).includes(-result)) return false
      if (count > 0) i += count
    }
    return true
  }
}
