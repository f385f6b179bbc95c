// Instructions of AArch64, each with the assembly that objdump makes of it: "Arm Architecture Reference Manual", C6.2.
// Registers are 64 bits wide. A branch gets its distance from assembleA64().

/** An instruction, or a label. */
export type Line = { label: string } | Instruction

interface Instruction {
  readonly asm: string
  readonly code: number
  /** The label that it branches to, and the field for the distance in instructions. */
  readonly to?: string
  readonly field?: { readonly at: number; readonly bits: number }
}

export type Register = `x${number}`

const number = (register: Register) => Number(register.slice(1))
const hex = (value: number) => `#0x${value.toString(16)}`
const XZR = 31

/** An unsigned number of 16 bits, at bit 0 or bit 16. */
export function mov(rd: Register, value: number): Line {
  const shift = value > 0xffff ? 1 : 0
  const code = 0xd280_0000 | (shift << 21) | ((value >>> (16 * shift)) << 5) | number(rd)
  return { asm: `mov ${rd}, ${hex(value)}`, code }
}

/** Puts 16 bits over bits 16 to 31. */
export function movk(rd: Register, value: number): Line {
  return { asm: `movk ${rd}, ${hex(value)}, lsl #16`, code: 0xf2a0_0000 | (value << 5) | number(rd) }
}

export function movr(rd: Register, rm: Register): Line {
  return { asm: `mov ${rd}, ${rm}`, code: 0xaa00_0000 | (number(rm) << 16) | (XZR << 5) | number(rd) }
}

const address = (rn: Register, offset: number) => (offset === 0 ? `[${rn}]` : `[${rn}, #${offset}]`)

export function ldr(rt: Register, rn: Register, offset: number): Line {
  const code = 0xf940_0000 | ((offset / 8) << 10) | (number(rn) << 5) | number(rt)
  return { asm: `ldr ${rt}, ${address(rn, offset)}`, code }
}

export function str(rt: Register, rn: Register, offset: number): Line {
  const code = 0xf900_0000 | ((offset / 8) << 10) | (number(rn) << 5) | number(rt)
  return { asm: `str ${rt}, ${address(rn, offset)}`, code }
}

/** Two words that follow each other. */
export function ldp(rt: Register, rt2: Register, rn: Register, offset: number): Line {
  const code = 0xa940_0000 | ((offset / 8) << 15) | (number(rt2) << 10) | (number(rn) << 5) | number(rt)
  return { asm: `ldp ${rt}, ${rt2}, ${address(rn, offset)}`, code }
}

/** Nothing that comes later is read before this word. */
export function ldar(rt: Register, rn: Register): Line {
  return { asm: `ldar ${rt}, [${rn}]`, code: 0xc8df_fc00 | (number(rn) << 5) | number(rt) }
}

/** Whoever sees this word sees what was written before, too. */
export function stlr(rt: Register, rn: Register): Line {
  return { asm: `stlr ${rt}, [${rn}]`, code: 0xc89f_fc00 | (number(rn) << 5) | number(rt) }
}

export function cmp(rn: Register, value: number): Line {
  return { asm: `cmp ${rn}, ${hex(value)}`, code: 0xf100_0000 | (value << 10) | (number(rn) << 5) | XZR }
}

/** Compares with a negative number. */
export function cmn(rn: Register, value: number): Line {
  return { asm: `cmn ${rn}, ${hex(value)}`, code: 0xb100_0000 | (value << 10) | (number(rn) << 5) | XZR }
}

const DISTANCE_14 = { at: 5, bits: 14 }
const DISTANCE_19 = { at: 5, bits: 19 }
const DISTANCE_26 = { at: 0, bits: 26 }

export function b(to: string): Line {
  return { asm: `b ${to}`, code: 0x1400_0000, to, field: DISTANCE_26 }
}

export function beq(to: string): Line {
  return { asm: `b.eq ${to}`, code: 0x5400_0000, to, field: DISTANCE_19 }
}

export function bne(to: string): Line {
  return { asm: `b.ne ${to}`, code: 0x5400_0001, to, field: DISTANCE_19 }
}

export function cbz(rt: Register, to: string): Line {
  return { asm: `cbz ${rt}, ${to}`, code: 0xb400_0000 | number(rt), to, field: DISTANCE_19 }
}

/** 32 bits without a sign. */
export function ldrw(rt: Register, rn: Register, offset: number): Line {
  const code = 0xb940_0000 | ((offset / 4) << 10) | (number(rn) << 5) | number(rt)
  return { asm: `ldr w${number(rt)}, ${address(rn, offset)}`, code }
}

/** Branches when that bit, one of the lower 32, is clear. */
export function tbz(rt: Register, bit: number, to: string): Line {
  return {
    asm: `tbz w${number(rt)}, #${bit}, ${to}`,
    code: 0x3600_0000 | (bit << 19) | number(rt),
    to,
    field: DISTANCE_14,
  }
}

/** Branches when it is set. */
export function tbnz(rt: Register, bit: number, to: string): Line {
  return {
    asm: `tbnz w${number(rt)}, #${bit}, ${to}`,
    code: 0x3700_0000 | (bit << 19) | number(rt),
    to,
    field: DISTANCE_14,
  }
}

/** Branches when the number is negative: when its highest bit is set. */
export function tbnz63(rt: Register, to: string): Line {
  return { asm: `tbnz ${rt}, #63, ${to}`, code: 0xb7f8_0000 | number(rt), to, field: DISTANCE_14 }
}

export const svc: Line = { asm: 'svc #0x0', code: 0xd400_0001 }

const SIZE = 4

/** Where each label of the lines is, in bytes from the first one. */
export function labelsOf(lines: readonly Line[]): Map<string, number> {
  const labels = new Map<string, number>()
  let at = 0
  for (const line of lines) {
    if ('label' in line) labels.set(line.label, at)
    else at += SIZE
  }
  return labels
}

/** The machine code of the lines. */
export function assembleA64(lines: readonly Line[]): Uint8Array {
  const labels = labelsOf(lines)
  const instructions = lines.filter(line => !('label' in line)) as Instruction[]
  const code = new DataView(new ArrayBuffer(SIZE * instructions.length))
  instructions.forEach(({ code: word, to, field }, i) => {
    const distance = to === undefined ? 0 : labels.get(to)! / SIZE - i
    const bits = field === undefined ? 0 : (distance & (2 ** field.bits - 1)) << field.at
    code.setUint32(SIZE * i, word | bits, true)
  })
  return new Uint8Array(code.buffer)
}
