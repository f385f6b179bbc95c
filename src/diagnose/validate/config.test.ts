import { expect, test } from 'vitest'
import { specTemplate } from '../../config/template.ts'
import { readDraft } from './config.ts'

// biome-ignore lint/suspicious/noExplicitAny: a test spoils any part of it
type Json = Record<string, any>

function findings(change: (config: Json) => void): string[] {
  const config: Json = JSON.parse(JSON.stringify(specTemplate()))
  change(config)
  return readDraft(JSON.stringify(config)).findings.map(
    ({ severity, pointer, message, hint }) =>
      `${severity} ${pointer}: ${message}${hint === undefined ? '' : ` (${hint})`}`,
  )
}

test('readDraft() finds nothing in a good configuration', () => {
  expect(findings(() => {})).toEqual([])
})

test('readDraft() finds every fault of shape, with the pointers of the file', () => {
  const found = findings(config => {
    config['ociVersion'] = 7
    config['mounts'][1].destination = 5
    config['mounts'][3].options = 'ro'
    delete config['mounts'][4].destination
    config['process'].cwd = null
    config['linux'].namespaces[2].type = 'nonsense'
  })
  expect(found.map(line => line.slice(0, line.indexOf(':')))).toEqual(
    expect.arrayContaining([
      'error /ociVersion',
      'error /mounts/1/destination',
      'error /mounts/3/options',
      'error /mounts/4/destination',
      'error /process/cwd',
      'error /linux/namespaces/2/type',
    ]),
  )
  expect(found).toHaveLength(6)
})

test('readDraft() goes on to meaning behind faults of shape', () => {
  expect(
    findings(config => {
      config['mounts'][0].type = 1
      config['mounts'][2].options = ['ridmap=uids=0-1-2;gids=0-1-2']
      config['process'].env = ['A', 'B=1', 'C']
      config['process'].rlimits = [
        { type: 'RLIMIT_CORE', soft: 2, hard: 1 },
        { type: 'RLIMIT_CORE', soft: 1, hard: 1 },
      ]
    }),
  ).toEqual([
    'error /mounts/0/type: must be a string, is a number',
    'error /process/env/0: must be NAME=value',
    'error /process/env/2: must be NAME=value',
    'error /process/rlimits/0: the soft limit of RLIMIT_CORE is above the hard one, 2 > 1',
    'error /mounts/2: only a bind mount can be id-mapped (add the option `bind` or `rbind`)',
  ])
})

test('readDraft() does not take what follows from a fault for another', () => {
  expect(findings(config => delete config['root'].path)).toEqual(['error /root/path: is missing'])
})

test('readDraft() warns about names that have no effect', () => {
  expect(
    findings(config => {
      config['process'].noNewPriviliges = true
      config['linux'].resources = { memory: { max: 5 } }
      config['linux'].netDevices = { eth0: { nam: 'x' } }
    }),
  ).toEqual([
    'warning /process/noNewPriviliges: is no property of the specification and has no effect (did you mean `noNewPrivileges`?)',
    'warning /linux/resources/memory/max: is no property of the specification and has no effect',
    'warning /linux/netDevices/eth0/nam: is no property of the specification and has no effect (did you mean `name`?)',
  ])
})

test('readDraft() keeps large integers', () => {
  const text = JSON.stringify(specTemplate()).replace(
    '"process":{',
    '"process":{"rlimits":[{"type":"RLIMIT_CORE","soft":18446744073709551615,"hard":18446744073709551615}],',
  )
  const { draft, findings } = readDraft(text.replace(/,"rlimits":\[\{"type":"RLIMIT_NOFILE".*?\]/, ''))
  expect(findings).toEqual([])
  expect(draft?.value.process?.rlimits?.[0]?.soft).toBe(2n ** 64n - 1n)
})

test.each([
  ['{', /is not valid JSON: line 1, column 2/],
  ['[]', /must be an object/],
  ['{"__proto__": {}}', /this name is not allowed here/],
])('readDraft() says why nothing can be read of %s', (text, words) => {
  const { draft, findings } = readDraft(text)
  expect(draft).toBeUndefined()
  expect(findings.map(({ message }) => message)).toEqual([expect.stringMatching(words)])
})
