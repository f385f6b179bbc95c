import { ARENA_ADDRESS } from '../executor/protocol.ts'
import { currentPhrase, type Phrase } from '../failure.ts'
import type { Varying, Work } from './hole.ts'
import type { Space } from './marshal.ts'
import { isBad, NOT_DONE, type Operation } from './operation.ts'
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

  /** Have all operations been done as they should? Only the lenient ones go on after an errno. */
  isDone(space: Space): boolean {
    const { offset, template } = this
    const last = space.get(offset + template.last)
    if (this.operations !== undefined || last === NOT_DONE || isBad(template.calls.at(-1)!, last)) return false
    const { lenient } = template
    for (let i = 0; i < lenient.length; i++) {
      const { call, at } = lenient[i]!
      const value = space.get(offset + at)
      if (value < 0 && isBad(call, value)) return false
    }
    return true
  }
}
