import { expect, test } from 'vitest'
import { differences, sections } from './probe.ts'

const probe = (id: number, hostname: string, user: number) => `== mounts
${id} ${id - 1} 0:${id} / /proc rw,nosuid master:${id} - proc proc rw
== namespaces
net:[40265${id}]
user:[${user}]
== hostname
${hostname}
`

test('differences() ignores what the kernel numbers anew', () => {
  expect(differences(probe(65, 'bench', 1), probe(71, 'bench', 1))).toEqual([])
})

test('differences() names the section and both lines', () => {
  expect(differences(probe(65, 'bench', 1), probe(71, 'other', 1))).toEqual(['hostname: `bench` and `other`'])
})

test('differences() sees a user namespace of its own', () => {
  expect(differences(probe(65, 'bench', 1), probe(65, 'bench', 2))).toEqual(['namespaces: `user:[1]` and `user:[2]`'])
})

test('differences() sees a section that is missing', () => {
  expect(differences('== status\nUid: 0\n', '')).toEqual(['status: `Uid: 0` and ``'])
})

test('sections() keeps the options of mounts', () => {
  expect(sections(probe(65, 'bench', 1)).get('mounts')).toBe('mount / /proc rw,nosuid master - proc proc rw')
})

test('the order of mounts is no difference', () => {
  const [proc, mask] = ['12 9 0:53 / /proc rw - proc proc rw', '40 12 0:54 /null /proc/keys ro - tmpfs tmpfs rw']
  const again = [mask, proc].map(line => line.replace(/^\d+ /, '99 ')).join('\n')
  expect(differences(`== mounts\n${proc}\n${mask}\n`, `== mounts\n${again}\n`)).toEqual([])
})
