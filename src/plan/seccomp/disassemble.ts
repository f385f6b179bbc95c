import { errnoName } from '../../../native/abi/errno.ts'
import {
  SECCOMP_DATA_ARCH,
  SECCOMP_DATA_ARGS,
  SECCOMP_DATA_NR,
  SECCOMP_RET_DATA,
  SECCOMP_RET_ERRNO,
} from '../../../native/abi/seccomp.ts'
import { actions } from './actions.ts'
import { architectures } from './architectures.ts'
import { INSTRUCTION_SIZE, JUMP } from './assemble.ts'
import { AND, ANY_BIT, AT_LEAST, EQUAL, GREATER, LOAD, RETURN } from './graph.ts'

const operators: Readonly<Record<number, string>> = {
  [EQUAL]: '==',
  [GREATER]: '>',
  [AT_LEAST]: '>=',
  [ANY_BIT]: '&',
}

/** A filter as text, an instruction a line: `12: if A >= 0x40 goto 15 else 20`. `A` is the word that was loaded last. */
export function disassemble(program: Uint8Array): string {
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength)
  const lines: string[] = []
  let loaded = -1
  for (let at = 0; at < program.length / INSTRUCTION_SIZE; at++) {
    const offset = INSTRUCTION_SIZE * at
    const code = view.getUint16(offset, true)
    const k = view.getUint32(offset + 4, true)
    if (code === LOAD) loaded = k
    const [yes, no] = [view.getUint8(offset + 2), view.getUint8(offset + 3)]
    lines.push(`${String(at).padStart(4)}: ${instruction(at, code, k, at + 1 + yes, at + 1 + no, loaded)}`)
  }
  return lines.join('\n')
}

function instruction(at: number, code: number, k: number, yes: number, no: number, loaded: number): string {
  if (code === LOAD) return `A = ${field(k)}`
  if (code === AND) return `A &= ${hex(k)}`
  if (code === JUMP) return `goto ${at + 1 + k}`
  if (code === RETURN) return `return ${answerText(k)}`
  const operator = operators[code]
  if (operator === undefined) return `? ${hex(code)} ${hex(k)}`
  const constant = loaded === SECCOMP_DATA_ARCH ? archText(k) : loaded === SECCOMP_DATA_NR ? String(k) : hex(k)
  return `if A ${operator} ${constant} goto ${yes} else ${no}`
}

function hex(value: number): string {
  return `0x${value.toString(16)}`
}

function field(offset: number): string {
  if (offset === SECCOMP_DATA_NR) return 'number'
  if (offset === SECCOMP_DATA_ARCH) return 'architecture'
  const within = offset - SECCOMP_DATA_ARGS
  return `argument ${within >> 3}, bytes ${within & 7} to ${(within & 7) + 3}`
}

function archText(audit: number): string {
  const found = Object.entries(architectures).find(([, arch]) => arch.audit === audit)
  return found === undefined ? hex(audit) : found[0]
}

/** What a filter returns, in the words of profiles. */
export function answerText(value: number): string {
  const data = (value & SECCOMP_RET_DATA) >>> 0
  const found = Object.entries(actions).find(([, row]) => row.value === value - data)
  if (found === undefined) return hex(value)
  const [name, { value: action, most }] = found
  if (most === undefined) return name
  return `${name} ${action === SECCOMP_RET_ERRNO ? errnoName(data) : data}`
}
