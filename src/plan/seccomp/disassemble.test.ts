import { expect, test } from 'vitest'
import { compile } from './compile.ts'
import { disassemble } from './disassemble.ts'
import { interpret } from './interpreter.ts'

test('a listing has an instruction a line, with the words of the profile', () => {
  const program = compile(
    {
      defaultAction: 'SCMP_ACT_ERRNO',
      defaultErrnoRet: 38,
      syscalls: [
        { names: ['read'], action: 'SCMP_ACT_ALLOW' },
        {
          names: ['clone'],
          action: 'SCMP_ACT_ALLOW',
          args: [{ index: 0, value: 0x7e020000, op: 'SCMP_CMP_MASKED_EQ' }],
        },
      ],
    },
    'SCMP_ARCH_AARCH64',
  )
  expect(disassemble(program)).toBe(
    [
      '   0: A = architecture',
      '   1: if A == SCMP_ARCH_AARCH64 goto 2 else 9',
      '   2: A = number',
      '   3: if A >= 64 goto 5 else 4',
      '   4: if A >= 63 goto 8 else 10',
      '   5: if A == 220 goto 6 else 10',
      '   6: A = argument 0, bytes 0 to 3',
      '   7: if A & 0x7e020000 goto 10 else 8',
      '   8: return SCMP_ACT_ALLOW',
      '   9: return SCMP_ACT_KILL',
      '  10: return SCMP_ACT_ERRNO ENOSYS',
    ].join('\n'),
  )
})

test('what no filter has is shown, and not run', () => {
  const program = Uint8Array.of(0x87, 0, 0, 0, 7, 0, 0, 0)
  expect(disassemble(program)).toBe('   0: ? 0x87 0x7')
  expect(() => interpret(program, { audit: 0, number: 0 })).toThrow(RangeError)
})
