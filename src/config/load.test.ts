import { describe, expect, test } from 'vitest'
import { ConfigError } from '../errors.ts'
import { parseConfig, parseProcess, readJson, validate } from './load.ts'

function complaint(text: string): string {
  try {
    parseConfig(text)
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError)
    return (error as ConfigError).message
  }
  return expect.fail('nothing was thrown')
}

const withRlimit = (soft: string, hard: string) =>
  `{"ociVersion":"1.3.0","process":{"cwd":"/","rlimits":[{"type":"RLIMIT_CPU","soft":${soft},"hard":${hard}}]}}`
const rlimit = (soft: string, hard: string) => parseConfig(withRlimit(soft, hard)).process!.rlimits![0]!

describe('parseConfig() keeps 64 bits', () => {
  test('an integer up to 2^53-1 is a number, one beyond is a bigint', () => {
    expect(rlimit('9007199254740991', '9007199254740992')).toMatchObject({
      soft: 9007199254740991,
      hard: 9007199254740992n,
    })
    expect(rlimit('1024', '18446744073709551615')).toMatchObject({ soft: 1024, hard: 18446744073709551615n })
  })

  test('negative ones too', () => {
    const text = '{"ociVersion":"1.3.0","linux":{"resources":{"memory":{"limit":-9223372036854775808,"swap":-1}}}}'
    expect(parseConfig(text).linux!.resources!.memory).toEqual({ limit: -9223372036854775808n, swap: -1 })
  })

  test('digits in strings and names stay what they are', () => {
    const text = '{"ociVersion":"1.3.0","annotations":{"12345678901234567890":"\\"18446744073709551615, 1"}}'
    expect(parseConfig(text).annotations).toEqual({ '12345678901234567890': '"18446744073709551615, 1' })
  })

  test.each([
    '18446744073709551616',
    '18446744073709552000',
    '1e400',
    '18446744073709552e3',
    '99999999999999999999999',
  ])('%s does not fit', number => {
    expect(complaint(withRlimit('1', number))).toMatch(/^\/process\/rlimits\/0\/hard: /)
  })

  test('a number below -2^63 does not fit', () => {
    const text = '{"ociVersion":"1.3.0","linux":{"resources":{"memory":{"limit":-9223372036854775809}}}}'
    expect(complaint(text)).toBe('/linux/resources/memory/limit: does not fit into 64 bits')
  })

  test('a property nobody knows may hold any number', () => {
    expect(() => parseConfig('{"ociVersion":"1.3.0","x":[123456789012345678901234567890,1e400]}')).not.toThrow()
  })
})

test('what is behind the document is ignored, and told', () => {
  const told: string[] = []
  const text = `${withRlimit('1', '18446744073709551615')} {"x": 18446744073709551615`
  expect(parseConfig(text, warning => told.push(warning)).process!.rlimits![0]!.hard).toBe(18446744073709551615n)
  expect(told).toEqual([expect.stringMatching(/^config\.json goes on behind its end, line 1, column \d+: the rest is/)])
  expect(complaint('')).toContain('expected a value')
})

describe('parseConfig() says what is wrong in one sentence', () => {
  test.each([
    ['{"ociVersion":1}', '/ociVersion: must be a string, is a number'],
    ['{}', '/ociVersion: is missing'],
    ['[]', 'config.json must be an object, is an array'],
    ['null', 'config.json must be an object, is null'],
    ['{"ociVersion":"1.3.0","process":{"args":[]}}', '/process/cwd: is missing'],
    ['{"ociVersion":"1.3.0","process":{"cwd":"/","args":"sh"}}', '/process/args: must be an array, is a string'],
    [
      '{"ociVersion":"1.3.0","process":{"cwd":"/","oomScoreAdj":1.5}}',
      '/process/oomScoreAdj: must be an integer, is 1.5',
    ],
    [
      '{"ociVersion":"1.3.0","hooks":{"poststart":[{"path":"/x","timeout":0}]}}',
      '/hooks/poststart/0/timeout: must be at least 1, is 0',
    ],
    [
      '{"ociVersion":"1.3.0","process":{"cwd":"/","user":{"uid":4294967296}}}',
      '/process/user/uid: must be at most 4294967295, is 4294967296',
    ],
    ['{"ociVersion":"1.3.0","linux":{"sysctl":{"a/b~c":1}}}', '/linux/sysctl/a~1b~0c: must be a string, is a number'],
    [
      '{"ociVersion":"1.3.0","linux":{"intelRdt":{"memBwSchema":"L3:0=1"}}}',
      '/linux/intelRdt/memBwSchema: must match ^MB:[^\\n]*$, is "L3:0=1"',
    ],
    [
      '{"ociVersion":"1.3.0","linux":{"namespaces":[{"type":"pidd"}]}}',
      '/linux/namespaces/0/type: must be one of "pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time", is "pidd"',
    ],
  ])('%s', (text, sentence) => {
    expect(complaint(text)).toBe(sentence)
  })

  test('broken JSON is told with line and column', () => {
    expect(complaint('{\n  "ociVersion": "1.3.0",\n}')).toBe(
      'config.json is not valid JSON: line 3, column 1: expected a name in double quotes, found "}"',
    )
  })

  test('a byte order mark is told by its name', () => {
    expect(complaint('\ufeff{"ociVersion":"1.3.0"}')).toContain('byte order mark')
  })

  test('a prototype is refused, also behind an escape', () => {
    expect(complaint('{"ociVersion":"1.3.0","linux":{"__proto__":{}}}')).toMatch(/^\/linux\/__proto__: /)
    expect(complaint('{"ociVersion":"1.3.0","mounts":[{"\\u005f_proto__":1}]}')).toMatch(/^\/mounts\/0\/__proto__: /)
    expect(() => parseConfig('{"ociVersion":"1.3.0","hostname":"__proto__"}')).not.toThrow()
  })
})

test('parseProcess() takes the process alone, with pointers into that file', () => {
  expect(parseProcess('{"cwd":"/","args":["true"]}')).toEqual({ cwd: '/', args: ['true'] })
  expect(() => parseProcess('{"args":["true"]}')).toThrow('/cwd: is missing')
})

test('validate() looks at data that was not read from a text', () => {
  expect(() => validate({ ociVersion: '1.3.0' })).not.toThrow()
  expect(() => validate({ ociVersion: '1.3.0', root: {} })).toThrow('/root/path: is missing')
})

test('an integer beyond 2^53 is found wherever it stands in the text', () => {
  for (let blanks = 0; blanks < 33; blanks++) {
    const text = `{${' '.repeat(blanks)}"a": [9007199254740993, 1234567890123456789]}`
    const { data, settle } = readJson(text, 'it')
    settle()
    expect(data).toEqual({ a: [9007199254740993n, 1234567890123456789n] })
  }
})
