import {
  BPF_ALU64,
  BPF_DEVCG_DEV_BLOCK,
  BPF_DEVCG_DEV_CHAR,
  BPF_EXIT,
  BPF_JA,
  BPF_JEQ,
  BPF_JMP,
  BPF_JMP32,
  BPF_JSET,
  BPF_K,
  BPF_LDX,
  BPF_MEM,
  BPF_MOV,
  BPF_W,
} from '../../../native/abi/bpf.ts'
import { allowedAccess, type DeviceRule, type DeviceRuleInput, EVERY_ACCESS, planDeviceRules } from './deviceRules.ts'

/** A filter for BPF_PROG_TYPE_CGROUP_DEVICE. */
export interface DeviceProgram {
  /** The filter would allow everything: nothing needs to be loaded. */
  readonly allowsAll: boolean
  /** The instructions, 8 bytes each. */
  readonly instructions: Uint8Array
}

/** What is allowed by number: for the numbers that rules name, and for all others. */
interface Choice<T> {
  readonly named: ReadonlyMap<number, T>
  readonly other: T
}

/** By minor number: access bits. */
type Minors = Choice<number>

/** By major number. */
type Majors = Choice<Minors>

/**
 * Compiles the rules to a program that decides as `allowedAccess` does. The rules are first evaluated for every kind of
 * device that they tell apart, so what is shadowed costs nothing, and the program is a plain decision tree: kind, major,
 * minor, then one test of the requested bits.
 */
export function deviceProgram(rules: readonly DeviceRule[]): DeviceProgram {
  const char = majors(rules, 'char')
  const block = majors(rules, 'block')
  const allowsAll = [char, block].every(({ named, other }) => named.size === 0 && isAll(other))
  const program = new Assembler()
  if (allowsAll) program.end(1)
  else emitFilter(program, char, block)
  return { allowsAll, instructions: program.finish() }
}

function isAll({ named, other }: Minors): boolean {
  return named.size === 0 && other === EVERY_ACCESS
}

function majors(rules: readonly DeviceRule[], type: 'char' | 'block'): Majors {
  const relevant = rules.filter(rule => rule.type === 'any' || rule.type === type)
  const other = minors(relevant, type, undefined)
  const named = new Map<number, Minors>()
  for (const { major } of relevant) {
    if (major === undefined || named.has(major)) continue
    named.set(major, minors(relevant, type, major))
  }
  for (const [major, choice] of named) if (same(choice, other)) named.delete(major)
  return { named, other }
}

function minors(rules: readonly DeviceRule[], type: 'char' | 'block', major: number | undefined): Minors {
  const other = allowedAccess(rules, type, major, undefined)
  const named = new Map<number, number>()
  for (const rule of rules) {
    if (rule.minor === undefined || (rule.major !== undefined && rule.major !== major)) continue
    const access = allowedAccess(rules, type, major, rule.minor)
    if (access !== other) named.set(rule.minor, access)
  }
  return { named, other }
}

function same(a: Minors, b: Minors): boolean {
  if (a.other !== b.other || a.named.size !== b.named.size) return false
  for (const [minor, access] of a.named) if (b.named.get(minor) !== access) return false
  return true
}

// Registers. The kernel hands `struct bpf_cgroup_dev_ctx` over in r1 and takes the verdict from r0.
const VERDICT = 0
const CONTEXT = 1
const ACCESS_TYPE = 2
const MAJOR = 3
const MINOR = 4

function emitFilter(program: Assembler, char: Majors, block: Majors): void {
  program.load(ACCESS_TYPE, 0)
  if (char.named.size + block.named.size > 0) program.load(MAJOR, 4)
  if (hasMinors(char) || hasMinors(block)) program.load(MINOR, 8)
  // The kind is the lower half of the word and a single bit, so it needs no masking.
  if (block.named.size === 0 && block.other.named.size === 0) {
    program.jump(BPF_JSET, ACCESS_TYPE, BPF_DEVCG_DEV_BLOCK, leaf(block.other.other))
    emitMajors(program, char, 'char')
  } else {
    program.jump(BPF_JSET, ACCESS_TYPE, BPF_DEVCG_DEV_CHAR, 'char')
    emitMajors(program, block, 'block')
    program.label('char')
    emitMajors(program, char, 'char')
  }
  emitLeaves(program)
}

function hasMinors({ named, other }: Majors): boolean {
  return other.named.size > 0 || [...named.values()].some(choice => choice.named.size > 0)
}

function emitMajors(program: Assembler, { named, other }: Majors, prefix: string): void {
  for (const [major, choice] of named) {
    program.jump(BPF_JEQ, MAJOR, major, choice.named.size === 0 ? leaf(choice.other) : `${prefix} ${major}`)
  }
  emitMinors(program, other)
  for (const [major, choice] of named) {
    if (choice.named.size === 0) continue
    program.label(`${prefix} ${major}`)
    emitMinors(program, choice)
  }
}

function emitMinors(program: Assembler, { named, other }: Minors): void {
  for (const [minor, access] of named) program.jump(BPF_JEQ, MINOR, minor, leaf(access))
  program.goto(leaf(other))
}

/** The label of the place that decides when exactly these bits are allowed. */
function leaf(access: number): string {
  return access === EVERY_ACCESS ? 'allow' : `only ${access}`
}

/** The places that decide. Only the ones that something jumps to: the verifier refuses instructions without a way there. */
function emitLeaves(program: Assembler): void {
  const used = Array.from({ length: EVERY_ACCESS }, (_, access) => access).filter(access => program.uses(leaf(access)))
  for (const [index, access] of used.entries()) {
    program.label(leaf(access))
    program.jump(BPF_JSET, ACCESS_TYPE, (EVERY_ACCESS & ~access) << 16, 'deny')
    if (index < used.length - 1) program.goto('allow')
  }
  program.label('allow')
  program.end(1)
  program.label('deny')
  program.end(0)
}

interface BpfInstruction {
  readonly code: number
  readonly dst?: number
  readonly src?: number
  readonly offset?: number
  readonly immediate?: number
  readonly target?: string
}

/** Collects instructions with symbolic, forward targets; see the kernel's Documentation/bpf/standardization. */
class Assembler {
  readonly #code: BpfInstruction[] = []
  readonly #labels = new Map<string, number>()
  readonly #targets = new Set<string>()

  /** dst = *(u32 *)(r1 + offset) */
  load(dst: number, offset: number): void {
    this.#code.push({ code: BPF_LDX | BPF_W | BPF_MEM, dst, src: CONTEXT, offset })
  }

  /** if (dst OPERATION immediate) goto target, in 32 bits: an immediate of 64 would be sign-extended. */
  jump(operation: number, dst: number, immediate: number, target: string): void {
    this.#targets.add(target)
    this.#code.push({ code: BPF_JMP32 | operation | BPF_K, dst, immediate, target })
  }

  goto(target: string): void {
    this.#targets.add(target)
    this.#code.push({ code: BPF_JMP | BPF_JA, target })
  }

  /** return verdict */
  end(verdict: number): void {
    this.#code.push(
      { code: BPF_ALU64 | BPF_MOV | BPF_K, dst: VERDICT, immediate: verdict },
      { code: BPF_JMP | BPF_EXIT },
    )
  }

  label(name: string): void {
    this.#labels.set(name, this.#code.length)
  }

  uses(name: string): boolean {
    return this.#targets.has(name)
  }

  /** `struct bpf_insn`: opcode (8), dst (4), src (4), offset (16), immediate (32). */
  finish(): Uint8Array {
    const bytes = new Uint8Array(8 * this.#code.length)
    const view = new DataView(bytes.buffer)
    this.#code.forEach(({ code, dst = 0, src = 0, offset = 0, immediate = 0, target }, index) => {
      const distance = target === undefined ? offset : this.#labels.get(target)! - index - 1
      if (distance > 0x7fff) throw new RangeError(`the device filter has a jump over ${distance} instructions`)
      view.setUint8(8 * index, code)
      view.setUint8(8 * index + 1, dst | (src << 4))
      view.setInt16(8 * index + 2, distance, true)
      view.setInt32(8 * index + 4, immediate | 0, true)
    })
    return bytes
  }
}

/** What engines ask for first, and for most containers alone: nothing but what every container may use. */
const NOTHING: readonly DeviceRuleInput[] = [{ allow: false, access: 'rwm' }]
/** Made when the module is evaluated, so the static binary has it from its build. */
const programOfNothing = deviceProgram(planDeviceRules(NOTHING))

/** The program for config.json#/linux/resources/devices. Throws as planDeviceRules() does. */
export function programFor(rules: readonly DeviceRuleInput[] | undefined): DeviceProgram {
  return isNothing(rules) ? programOfNothing : deviceProgram(planDeviceRules(rules))
}

function isNothing(rules: readonly DeviceRuleInput[] | undefined): boolean {
  if (rules?.length !== 1) return false
  const { allow, type = 'a', major = -1, minor = -1, access = 'rwm' } = rules[0]!
  return !allow && type === 'a' && major === -1 && minor === -1 && access === 'rwm'
}
