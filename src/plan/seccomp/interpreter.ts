import {
  SECCOMP_DATA_ARCH,
  SECCOMP_DATA_ARGS,
  SECCOMP_DATA_NR,
  SECCOMP_DATA_SIZE,
} from '../../../native/abi/seccomp.ts'
import { INSTRUCTION_SIZE, JUMP } from './assemble.ts'
import { AND, ANY_BIT, AT_LEAST, EQUAL, GREATER, LOAD, RETURN } from './graph.ts'

/** A call as a filter sees it; arguments are unsigned 64-bit integers. */
export interface CallData {
  /** AUDIT_ARCH_*. */
  readonly audit: number
  readonly number: number
  readonly args?: readonly (number | bigint)[]
}

export interface FilterOutcome {
  /** What the filter returns: SECCOMP_RET_* with its data. */
  readonly value: number
  /** How many instructions it took. */
  readonly executed: number
}

const holds: Readonly<Record<number, (a: number, k: number) => boolean>> = {
  [EQUAL]: (a, k) => a === k,
  [GREATER]: (a, k) => a > k,
  [AT_LEAST]: (a, k) => a >= k,
  [ANY_BIT]: (a, k) => (a & k) !== 0,
}

/**
 * Runs a filter as the kernel does. It knows the instructions that filters for seccomp(2) are made of; errors: RangeError
 * for any other, and for a program that runs past its end. `endian` is the order of bytes of the machine that it is for.
 */
export function interpret(program: Uint8Array, call: CallData, endian: 'little' | 'big' = 'little'): FilterOutcome {
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength)
  const data = layOut(call, endian === 'little')
  let a = 0
  for (let at = 0, executed = 1; ; executed++) {
    const code = view.getUint16(INSTRUCTION_SIZE * at, true)
    const k = view.getUint32(INSTRUCTION_SIZE * at + 4, true)
    const compare = holds[code]
    if (code === RETURN) return { value: k, executed }
    if (code === LOAD) a = data.getUint32(k, endian === 'little')
    else if (code === AND) a = (a & k) >>> 0
    else if (code === JUMP) at += k
    else if (compare !== undefined) at += view.getUint8(INSTRUCTION_SIZE * at + (compare(a, k) ? 2 : 3))
    else throw new RangeError(`instruction ${at} is none that a filter has: ${code.toString(16)}`)
    at++
  }
}

/** `struct seccomp_data`; the instruction pointer is of no use to anybody. */
function layOut({ audit, number, args = [] }: CallData, little: boolean): DataView {
  const view = new DataView(new ArrayBuffer(SECCOMP_DATA_SIZE))
  view.setUint32(SECCOMP_DATA_NR, number, little)
  view.setUint32(SECCOMP_DATA_ARCH, audit, little)
  args.forEach((value, i) => {
    view.setBigUint64(SECCOMP_DATA_ARGS + 8 * i, BigInt(value), little)
  })
  return view
}
