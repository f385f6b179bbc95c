import fc from 'fast-check'
import { expect, test } from 'vitest'
import { deviceProgram } from './deviceProgram.ts'
import { allowedAccess, type DeviceRule, type DeviceRuleInput, EVERY_ACCESS, planDeviceRules } from './deviceRules.ts'

interface Request {
  type: 'char' | 'block'
  major: number
  minor: number
  access: number
}

/** Runs a program as the kernel would: the instructions that the compiler emits, nothing else; jumps only forward. */
function run(instructions: Uint8Array, { type, major, minor, access }: Request): number {
  const view = new DataView(instructions.buffer)
  const context = new Uint32Array([(access << 16) | (type === 'char' ? 2 : 1), major, minor])
  const registers: number[] = []
  for (let at = 0; ; at++) {
    const code = view.getUint8(8 * at)
    const dst = view.getUint8(8 * at + 1) & 0xf
    const offset = view.getInt16(8 * at + 2, true)
    const immediate = view.getInt32(8 * at + 4, true)
    expect(offset).toBeGreaterThanOrEqual(0)
    if (code === 0x61) registers[dst] = context[offset / 4]!
    else if (code === 0x16) at += registers[dst]! === immediate >>> 0 ? offset : 0
    else if (code === 0x46) at += registers[dst]! & immediate ? offset : 0
    else if (code === 0x05) at += offset
    else if (code === 0xb7) registers[dst] = immediate
    else if (code === 0x95) return registers[0]!
    else throw new Error(`opcode ${code}`)
  }
}

const numbers = fc.constantFrom(undefined, 0, 1, 5, 136, 0xffff_ffff)
const rules = fc.array(
  fc.record<DeviceRule>({
    allow: fc.boolean(),
    type: fc.constantFrom('any', 'char', 'block'),
    major: numbers,
    minor: numbers,
    access: fc.integer({ min: 0, max: EVERY_ACCESS }),
  }),
  { maxLength: 12 },
)
const request = fc.record<Request>({
  type: fc.constantFrom('char', 'block'),
  major: fc.constantFrom(0, 1, 2, 5, 136, 0xffff_ffff),
  minor: fc.constantFrom(0, 1, 2, 5, 136, 0xffff_ffff),
  access: fc.integer({ min: 0, max: EVERY_ACCESS }),
})

test('deviceProgram() decides as the rules do', () => {
  fc.assert(
    fc.property(rules, fc.array(request, { minLength: 20, maxLength: 20 }), (list, requests) => {
      const { instructions } = deviceProgram(list)
      for (const asked of requests) {
        const granted = allowedAccess(list, asked.type, asked.major, asked.minor)
        expect(run(instructions, asked)).toBe((asked.access & ~granted) === 0 ? 1 : 0)
      }
    }),
    { numRuns: 500 },
  )
})

test('deviceProgram() has no instruction without a way to it, which the verifier would refuse', () => {
  fc.assert(
    fc.property(rules, list => {
      const { instructions } = deviceProgram(list)
      const view = new DataView(instructions.buffer)
      const reached = new Set([0])
      for (let at = 0; at < instructions.length / 8; at++) {
        expect(reached).toContain(at)
        const code = view.getUint8(8 * at)
        const jumps = code === 0x16 || code === 0x46 || code === 0x05
        if (jumps) reached.add(at + 1 + view.getInt16(8 * at + 2, true))
        if (code !== 0x05 && code !== 0x95) reached.add(at + 1)
      }
    }),
  )
})

const allow = (rest: Omit<DeviceRuleInput, 'allow'> = {}): DeviceRuleInput => ({ allow: true, ...rest })
const deny = (rest: Omit<DeviceRuleInput, 'allow'> = {}): DeviceRuleInput => ({ allow: false, ...rest })

test('deviceProgram() says when nothing is filtered', () => {
  for (const inputs of [[], [allow()], [deny(), allow()], [allow({ type: 'c' }), allow({ type: 'b' })]]) {
    const program = deviceProgram(planDeviceRules(inputs))
    expect(program.allowsAll).toBe(true)
    expect(program.instructions).toHaveLength(16)
  }
  expect(deviceProgram(planDeviceRules([deny()])).allowsAll).toBe(false)
  expect(deviceProgram(planDeviceRules([allow(), deny({ type: 'b', major: 8 })])).allowsAll).toBe(false)
})

test('deviceProgram() takes 25 instructions for the rules of an ordinary container', () => {
  expect(deviceProgram(planDeviceRules([deny({ access: 'rwm' })])).instructions).toHaveLength(25 * 8)
})

test('deviceProgram() forgets rules that later ones shadow', () => {
  const plain = deviceProgram(planDeviceRules([deny()]))
  const shadowed = deviceProgram(planDeviceRules([allow({ type: 'b', major: 8 }), allow(), deny(), deny({ major: 7 })]))
  expect(shadowed.instructions).toEqual(plain.instructions)
})

test('deviceProgram() refuses O_RDWR where writing is denied', () => {
  const { instructions } = deviceProgram(planDeviceRules([allow(), deny({ type: 'b', major: 8, access: 'w' })]))
  expect(run(instructions, { type: 'block', major: 8, minor: 0, access: 2 | 4 })).toBe(0)
  expect(run(instructions, { type: 'block', major: 8, minor: 0, access: 2 })).toBe(1)
})
