import { expect, test } from 'vitest'
import { specTemplate } from '../../config/template.ts'
import { planContainer } from '../container.ts'
import { difference } from './difference.ts'
import { step, stepText } from './step.ts'
import { planSteps } from './steps.ts'
import { attributesText, maskText } from './words.ts'

const facts = {
  id: 'x',
  bundle: '/b',
  noPivot: false,
  listenFds: 0,
  inUserNamespace: false,
  capMknod: true,
  arch: 'x86_64',
} as const

test('planSteps() has a step for everything in the standard configuration', () => {
  const steps = planSteps(planContainer(specTemplate(), facts), {
    cgroupMount: '/sys/fs/cgroup',
    root: '/run/tsrun',
    ofRootAlone: false,
  })
  const lines = steps.map(entry => `${entry.phase} ${stepText(entry)}`)
  expect(lines).toContain('create cgroup       /sys/fs/cgroup/tsrun-x')
  expect(lines).toContain('create mount        /dev/mqueue  type=mqueue  attributes=nosuid,nodev,noexec')
  expect(lines.at(-1)).toMatch(/^start execve {7}(\/bin\/)?sh /)
})

test('stepText() keeps a step on one line', () => {
  expect(
    stepText(
      step('create', 'mount', '/a\nb', { on: true, off: false, none: undefined, text: 'a b', list: ['x', 'y'] }),
    ),
  ).toBe('mount        /a\\x0ab  on  text="a b"  list=x,y')
})

test('difference() keeps what both lists have, in order', () => {
  const lines = difference([...'abcdxe'], [...'acbdye'], letter => letter)
  expect(lines.map(({ side, entry }) => `${{ both: '', first: '-', second: '+' }[side]}${entry}`).join(' ')).toMatch(
    /^a (-b c \+b|\+c b -c) d -x \+y e$/,
  )
})

test('maskText() writes lists as the kernel does', () => {
  expect(maskText(Uint8Array.of(0b1000_1111, 0b1))).toBe('0-3,7-8')
  expect(maskText(new Uint8Array(4))).toBe('')
})

test('attributesText() tells what is set and what is cleared', () => {
  expect(attributesText({ set: 0x1, clear: 0x2 })).toEqual(['ro', 'suid'])
  expect(attributesText({ set: 0x10, clear: 0x70 }, 'r')).toEqual(['rnoatime'])
})
