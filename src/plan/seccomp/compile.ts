import { ENOSYS } from '../../../native/abi/errno.ts'
import { SECCOMP_DATA_ARCH, SECCOMP_RET_ERRNO, SECCOMP_RET_KILL_THREAD } from '../../../native/abi/seccomp.ts'
import type { Seccomp, SeccompArch } from '../../../spec/generated/config.ts'
import { actions, answer } from './actions.ts'
import { type FilterArchitecture, architectures, isNumber, X32_BIT } from './architectures.ts'
import { assemble } from './assemble.ts'
import { decide } from './conditions.ts'
import { EQUAL, Graph, type Node } from './graph.ts'
import { demultiplex } from './multiplexed.ts'
import { type Decision, readProfile } from './profile.ts'
import { Spans } from './spans.ts'

/** What calls of architectures get that the profile does not list: what libseccomp gives them. */
const UNLISTED = SECCOMP_RET_KILL_THREAD
const NO_SUCH_CALL = SECCOMP_RET_ERRNO + ENOSYS
/** A number that a tracer puts there to have a call skipped; it belongs to no architecture. */
const SKIPPED_CALL = 0xffff_ffff
/** Numbers from here on are private to an architecture, and say nothing about how new a kernel the profile knows. */
const PRIVATE_CALLS = 0xf0000

/**
 * Compiles a profile to a program of classic BPF for seccomp(2). It looks for the architecture, then by binary search for
 * the number among ranges of calls that get the same answer, then at arguments where rules have conditions.
 *
 * A call that is newer than the newest one that the profile names gets ENOSYS, as from runc: programs fall back then,
 * while EPERM makes them fail. Profiles whose default lets calls through, or is ENOSYS itself, have no need of that.
 */
export function compile(profile: Seccomp, native: SeccompArch): Uint8Array {
  const compiler = new Compiler(profile)
  const listed = new Set<SeccompArch>([native, ...(profile.architectures ?? [])])
  return compiler.compile([...listed])
}

class Compiler {
  readonly #graph = new Graph()
  readonly #decisions: Map<string, Decision>
  readonly #unnamed: Node
  /** The names in the profile, where calls that are newer than all of them get ENOSYS. */
  readonly #named: ReadonlySet<string> | undefined
  /** What was made of decisions with conditions already, apart for each layout of arguments. */
  readonly #decided = new Map<string, Map<Decision, Node>>()

  constructor(profile: Seccomp) {
    const unnamed = answer(profile.defaultAction, profile.defaultErrnoRet)
    this.#decisions = readProfile(profile)
    demultiplex(this.#decisions)
    this.#unnamed = this.#graph.answer(unnamed)
    if (!actions[profile.defaultAction].open && unnamed !== NO_SUCH_CALL)
      this.#named = new Set(profile.syscalls?.flatMap(({ names }) => names))
  }

  compile(listed: readonly SeccompArch[]): Uint8Array {
    const graph = this.#graph
    const numbers = [...new Set(listed.map(arch => architectures[arch].audit))]
    // The native one comes first in the program, so it is made last.
    const dispatch = numbers.reduceRight((otherwise, audit) => {
      const members = listed.filter(arch => architectures[arch].audit === audit)
      return graph.compare(EQUAL, audit, this.#section(members), otherwise)
    }, graph.answer(UNLISTED))
    return assemble(graph, graph.load(SECCOMP_DATA_ARCH, dispatch))
  }

  /** The calls of one architecture as the kernel tells them apart, which are two for x86-64. */
  #section(members: readonly SeccompArch[]): Node {
    const unlisted = this.#graph.answer(UNLISTED)
    const spans = new Spans(unlisted)
    const other = members.find(member => member !== 'SCMP_ARCH_X32')
    if (other !== undefined) this.#addCalls(spans, 0, architectures[other])
    if (members.includes('SCMP_ARCH_X32')) this.#addCalls(spans, X32_BIT, architectures.SCMP_ARCH_X32)
    else if (other === 'SCMP_ARCH_X86_64') {
      spans.add(X32_BIT, unlisted)
      spans.add(SKIPPED_CALL, this.#unnamed)
    }
    return spans.search(this.#graph)
  }

  /** Some thousand names are looked at, by an interpreter, so this does without a function for each. */
  #addCalls(spans: Spans, first: number, arch: FilterArchitecture): void {
    const decisions = this.#decisions
    const unnamed = this.#unnamed
    const words = arch.calls.split(' ')
    const privateCalls = first + PRIVATE_CALLS
    let newest = -1
    // What the numbers from `told` on get is not told yet. Neighbours mostly share a decision.
    let told = first
    let before: Decision | undefined
    let node = unnamed
    for (let i = 0, number = 0; i < words.length; i++) {
      const word = words[i]!
      if (isNumber(word)) {
        number = Number(word)
        if (number >= privateCalls && told < privateCalls) {
          this.#endCalls(spans, told, newest)
          told = privateCalls
        }
        continue
      }
      const decision = decisions.get(word)
      // The next number gets what the last one does.
      if (decision !== undefined && decision === before && number === told) {
        newest = number
        told = ++number
        continue
      }
      if (decision !== undefined || this.#named?.has(word)) newest = number
      // The second name of a number says nothing.
      if (decision !== undefined && number >= told) {
        if (decision !== before) {
          before = decision
          node = this.#decide(decision, arch)
        }
        if (number > told) spans.add(told, unnamed)
        spans.add(number, node)
        told = number + 1
      }
      number++
    }
    if (told < privateCalls) this.#endCalls(spans, told, newest)
    else spans.add(told, unnamed)
  }

  /** What is behind the last number that was told of. */
  #endCalls(spans: Spans, told: number, newest: number): void {
    spans.add(told, this.#unnamed)
    if (this.#named !== undefined && newest >= 0)
      spans.add(Math.max(told, newest + 1), this.#graph.answer(NO_SUCH_CALL))
  }

  #decide(decision: Decision, arch: FilterArchitecture): Node {
    if (decision.always !== undefined) return this.#graph.answer(decision.always.answer)
    const layout = `${arch.bits} ${arch.endian}`
    const decided = this.#decided.get(layout) ?? new Map<Decision, Node>()
    this.#decided.set(layout, decided)
    const node = decided.get(decision) ?? decide(this.#graph, decision, this.#unnamed, arch)
    decided.set(decision, node)
    return node
  }
}
