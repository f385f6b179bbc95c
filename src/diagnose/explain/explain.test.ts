import { expect, test } from 'vitest'
import type { Seccomp, SeccompArch } from '../../../spec/generated/config.ts'
import { architectures } from '../../plan/seccomp/architectures.ts'
import { compile } from '../../plan/seccomp/compile.ts'
import { answerText } from '../../plan/seccomp/disassemble.ts'
import { callsOf } from './calls.ts'
import { looks } from './decide.ts'
import { decisionsOf, explain, type Filter } from './explain.ts'

const profile: Seccomp = {
  defaultAction: 'SCMP_ACT_ERRNO',
  architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32', 'SCMP_ARCH_S390X', 'SCMP_ARCH_MIPS64'],
  syscalls: [
    { names: ['read', 'write', 'statx'], action: 'SCMP_ACT_ALLOW' },
    { names: ['personality'], action: 'SCMP_ACT_ALLOW', args: [{ index: 0, value: 8, op: 'SCMP_CMP_EQ' }] },
    { names: ['personality'], action: 'SCMP_ACT_LOG', args: [{ index: 0, value: 0xffff, op: 'SCMP_CMP_GT' }] },
    { names: ['socket'], action: 'SCMP_ACT_ALLOW', args: [{ index: 0, value: 40, op: 'SCMP_CMP_NE' }] },
    {
      names: ['clone'],
      action: 'SCMP_ACT_ALLOW',
      args: [
        { index: 0, value: 0x7e020000, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' },
        { index: 1, value: 2 ** 33, op: 'SCMP_CMP_LE' },
      ],
    },
    { names: ['semop'], action: 'SCMP_ACT_KILL_PROCESS' },
  ],
}

const native: SeccompArch = 'SCMP_ARCH_X86_64'
const listed: SeccompArch[] = [native, ...profile.architectures!.filter(arch => arch !== native)]
const filter: Filter = { profile, program: compile(profile, native), listed }

test.each(listed)('explain() gives the reason that the filter has, for every call of %s', arch => {
  for (const name of callsOf(arch).keys())
    for (const args of [[0n], [8n, 2n ** 33n + 1n], [40n], [0x7e020000n], [2n ** 40n + 8n, 2n ** 40n], [1n]]) {
      const { answer, pointer, reason } = explain(filter, { name, args }, arch)
      const decision = decisionsOf(profile).get(name)
      const last = decision && looks(decision, args, arch).at(-1)
      if (last?.matches)
        expect([name, answer, pointer]).toEqual([name, answerText(last.rule.answer), last.rule.pointer])
      else if (/newer/.test(reason)) expect([name, answer]).toEqual([name, 'SCMP_ACT_ERRNO ENOSYS'])
      else expect([name, answer, pointer]).toEqual([name, 'SCMP_ACT_ERRNO EPERM', '/linux/seccomp/defaultAction'])
    }
})

test('explain() tells what it looked at, and what it took', () => {
  expect(explain(filter, { name: 'personality', args: [0x10000n] }, native)).toMatchObject({
    number: 135,
    answer: 'SCMP_ACT_LOG',
    pointer: '/linux/seccomp/syscalls/2',
    steps: [
      '/linux/seccomp/syscalls/1: argument 0 == 0x8 does not hold for 0x10000',
      '/linux/seccomp/syscalls/2: argument 0 > 0xffff holds for 0x10000',
    ],
    size: filter.program.length / 8,
  })
})

test('explain() takes a number for a name', () => {
  expect(explain(filter, { name: '0', args: [] }, native)).toMatchObject({ name: 'read', answer: 'SCMP_ACT_ALLOW' })
  expect(explain(filter, { name: '9999', args: [] }, native)).toMatchObject({
    name: 'call 9999',
    answer: 'SCMP_ACT_ERRNO ENOSYS',
  })
})

test('explain() knows of architectures that are not listed, and calls that are not there', () => {
  expect(explain(filter, { name: 'read', args: [] }, 'SCMP_ARCH_AARCH64')).toMatchObject({
    answer: 'SCMP_ACT_KILL',
    reason: 'the profile does not list the architecture',
  })
  expect(explain(filter, { name: 'semop', args: [] }, 'SCMP_ARCH_X86')).toMatchObject({
    answer: undefined,
    reason: 'there is no such call on this architecture; programs call it through `ipc`',
  })
})

test('callsOf() has numbers as filters see them', () => {
  expect(callsOf('SCMP_ARCH_X32').get('read')).toBe(0x40000000)
  expect(callsOf('SCMP_ARCH_AARCH64').get('read')).toBe(63)
  expect(Object.keys(architectures).every(arch => callsOf(arch as SeccompArch).size > 200)).toBe(true)
})
