// Our schemas against those of the runtime-spec: both must give the same verdict on its examples and on thousands of
// damaged copies of a document that has every property, except where we differ on purpose.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { Ajv, type ValidateFunction } from 'ajv'
import { describe, expect, test } from 'vitest'
import { parseConfig } from '../src/config/load.ts'
import { validateConfig } from './generated/validate-config.js'
import { validateFeatures } from './generated/validate-features.js'
import { validateState } from './generated/validate-state.js'

const UPSTREAM = new URL('../../shared/oci-spec/schema/', import.meta.url)
const present = existsSync(UPSTREAM)
if (!present) console.log(`skipped: the schemas of the runtime-spec are not at ${UPSTREAM.pathname}`)

type Json = null | boolean | number | string | Json[] | { [key: string]: Json }
type Schema = { [key: string]: Json }
type Verdict = (data: unknown) => boolean

const read = (url: URL): Json => JSON.parse(readFileSync(url, 'utf8'))

const OTHER_PLATFORMS = ['windows', 'solaris', 'vm', 'zos', 'freebsd']

/** Where we say no and the upstream schema says yes. */
const STRICTER: [RegExp, string][] = [
  [/^\/process\/rlimits\/\d+\/type$/, 'a limit that Linux does not have must be an error (config.md, rlimits)'],
  [/^\/process\/consoleSize\/(height|width)$/, 'numbers beyond 2^53 would not be numbers any more'],
  [/^\/process\/oomScoreAdj$/, 'numbers beyond 2^53 would not be numbers any more'],
  [/^\/linux\/memoryPolicy\/mode$/, 'required by the text of the spec'],
  [/^\/linux\/memoryPolicy$/, 'its mode is required by the text of the spec'],
  [/^\/linux\/personality\/domain$/, 'required by the text of the spec'],
  [/^\/linux\/personality$/, 'its domain is required by the text of the spec'],
  [/\/(major|minor)$/, 'Linux has device numbers of 32 bits; -1 stands for all'],
  [/^\/linux\/resources\/devices\/\d+\/(type|access)$/, 'other words mean nothing'],
  [/^\/linux\/timeOffsets\/\w+\/secs$/, 'numbers beyond 2^53 would not be numbers any more'],
  [/^\/hooks\/\w+\/\d+\/timeout$/, 'a number of 32 bits is enough for everybody'],
  [/^\/linux\/memoryPolicy(\/(modes|flags)(\/\d+)?)?$/, 'in the text about features, not in its schema'],
  [/^\/linux\/intelRdt\/(schemata|monitoring)$/, 'in the text about features, not in its schema'],
  [/^\/pid$/, 'a number of 32 bits holds every pid'],
  [/^\/(rootfs|created|owner)$/, 'properties of the state that runc, crun and we add'],
]

/** Where we say yes and the upstream schema says no. */
const LOOSER: [RegExp, string][] = [
  [/^\/process\/consoleSize(\/(height|width))?$/, 'a missing number is a 0, as in runc and crun'],
  [/^\/process\/rlimits\/\d+(\/(soft|hard))?$/, 'a missing number is a 0, as in runc and crun'],
  [/\/[ug]idMappings\/\d+\/containerID$/, 'a missing number is a 0, as in runc and crun'],
  [/^\/linux\/resources\/devices\/\d+(\/allow)?$/, 'a rule that does not allow denies, as in runc and crun'],
  [/^\/linux\/resources\/hugepageLimits\/\d+\/limit$/, 'a missing number is a 0, as in runc and crun'],
  [/^\/linux\/seccomp\/syscalls\/\d+\/args\/\d+\/(index|value)$/, 'a missing number is a 0, as in runc and crun'],
  [/^\/linux\/rootfsPropagation$/, 'callers send the recursive words, which runc and crun take'],
  [/^\/linux\/devices\/\d+\/fileMode$/, 'the text has a uint32, and callers send more than nine bits'],
  [/^\/linux\/resources\/pids\/limit$/, 'optional in the text since 1.3'],
  [/^\/linux\/seccomp\/syscalls\/\d+\/names(\/\d+)?$/, 'a rule about no call says nothing, and runc and crun take it'],
  [/^\/linux\/resources\/pids$/, 'its limit is optional in the text since 1.3'],
]

function upstream(file: string): ValidateFunction {
  const ajv = new Ajv({ strict: false, validateSchema: false })
  for (const name of readdirSync(UPSTREAM).filter(name => name.endsWith('.json'))) {
    // One reference upstream lacks its slash.
    const text = readFileSync(new URL(name, UPSTREAM), 'utf8').replace('"#definitions/', '"#/definitions/')
    const { $schema: _draft4, ...schema } = JSON.parse(text)
    ajv.addSchema(schema, name)
  }
  return ajv.getSchema(file) ?? expect.fail(`no ${file} upstream`)
}

function examples(folder: string): { name: string; text: string }[] {
  const url = new URL(`test/${folder}/`, UPSTREAM)
  return readdirSync(url).map(name => ({ name, text: readFileSync(new URL(name, url), 'utf8') }))
}

/** A schema and the file it stands in, with references followed. */
type At = { schema: Schema; file: string }

const files = new Map<string, Schema>()

function follow({ schema, file }: At, folder: URL): At {
  const ref = schema['$ref']
  if (typeof ref !== 'string') return { schema, file }
  const [name = '', path = ''] = ref.split('#')
  const url = new URL(name || file, folder)
  if (!files.has(url.href)) files.set(url.href, read(url) as Schema)
  const target = path
    .split('/')
    .reduce<Json>((at, key) => (key === '' ? at : (at as Schema)[key]!), files.get(url.href)!)
  return follow({ schema: target as Schema, file: name || file }, folder)
}

/** The direct parts of a schema: properties by name, `*` for the entries of lists and maps. */
function parts(at: At, folder: URL): [string, At][] {
  const { schema, file } = at
  const inner = (key: string, value: Json): [string, At] => [key, { schema: value as Schema, file }]
  const found = Object.entries((schema['properties'] ?? {}) as Schema).map(([key, value]) => inner(key, value))
  if (schema['items']) found.push(inner('*', schema['items']))
  if (typeof schema['additionalProperties'] === 'object') found.push(inner('*', schema['additionalProperties']!))
  for (const value of Object.values((schema['patternProperties'] ?? {}) as Schema)) found.push(inner('*', value))
  for (const combined of [...((schema['allOf'] ?? []) as Json[]), ...((schema['anyOf'] ?? []) as Json[])])
    found.push(...parts(follow({ schema: combined as Schema, file }, folder), folder))
  return found
}

function paths(at: At, folder: URL, prefix = ''): string[] {
  return parts(follow(at, folder), folder)
    .filter(([key]) => prefix !== '' || !OTHER_PLATFORMS.includes(key))
    .flatMap(([key, part]) => [`${prefix}/${key}`, ...paths(part, folder, `${prefix}/${key}`)])
}

const OURS = new URL('./', import.meta.url)
const rootOf = (folder: URL, file: string): At => ({ schema: read(new URL(file, folder)) as Schema, file })

/** A right document that has every property of one of our schemas. */
function sample(at: At): Json {
  const { schema, file } = follow(at, OURS)
  const inside = parts({ schema, file }, OURS).map(([key, part]): [string, Json] => [key, sample(part)])
  const byPattern: Record<string, Json> = {
    '^[1-9][0-9]*[KMG]B$': '2MB',
    '^MB:[^\\n]*$': 'MB:0=20',
    '^[0-9, -]*$': '0-3',
  }
  if (schema['enum']) return (schema['enum'] as Json[])[0]!
  if (schema['type'] === 'object')
    return Object.fromEntries(inside.map(([key, value]) => [key === '*' ? 'key' : key, value]))
  if (schema['type'] === 'array') return inside.map(([, value]) => value)
  if (schema['type'] === 'integer') return 1
  if (schema['type'] === 'boolean') return true
  const pattern = (schema['pattern'] ?? '') as string
  return byPattern[pattern] ?? (pattern.startsWith('^CAP_') ? 'CAP_KILL' : 'r')
}

const WRONG_NUMBERS = [0, -1, 1.5, 1000, 2 ** 40, 2 ** 60, 2 ** 70]
const WRONG_WORDS = ['', 'x', 'slave', 'rslave', 'RLIMIT_X']
const WRONG: Json[] = [null, true, ...WRONG_NUMBERS, ...WRONG_WORDS, [], ['x'], [1], {}, { x: 1 }]

/** Every copy of `data` in which one value is missing or replaced, with the pointer to it. */
function* damaged(data: Json): Generator<{ pointer: string; copy: Json; how: string }> {
  for (const pointer of pointers(data)) {
    const keys = pointer.split('/').slice(1)
    for (const wrong of [undefined, ...WRONG]) {
      const copy = structuredClone(data)
      const parent = keys.slice(0, -1).reduce<Json>((at, key) => (at as Schema)[key]!, copy) as Schema
      const last = keys.at(-1)!
      if (wrong !== undefined) parent[last] = structuredClone(wrong)
      else if (Array.isArray(parent)) parent.splice(Number(last), 1)
      else delete parent[last]
      yield { pointer, copy, how: wrong === undefined ? 'removed' : JSON.stringify(wrong) }
    }
  }
}

function pointers(data: Json, prefix = ''): string[] {
  if (data === null || typeof data !== 'object') return []
  return Object.entries(data)
    .filter(([key]) => prefix !== '' || !OTHER_PLATFORMS.includes(key))
    .flatMap(([key, value]) => [`${prefix}/${key}`, ...pointers(value, `${prefix}/${key}`)])
}

/** The differences between the two verdicts that no row of the lists above explains. */
function unexplained(data: Json, ours: Verdict, theirs: Verdict, used = new Set<RegExp>()): string[] {
  const surprises: string[] = []
  for (const { pointer, copy, how } of damaged(data)) {
    const they = theirs(copy)
    const we = ours(copy) // which fills in what is missing
    if (we === they) continue
    const row = (we ? LOOSER : STRICTER).find(([where]) => where.test(pointer))
    if (row === undefined) surprises.push(`${pointer} ${how}: we say ${we}, upstream says ${they}`)
    else used.add(row[0])
  }
  return surprises
}

const DOCUMENTS: { name: string; ours: Verdict; theirs: string; good: string }[] = [
  { name: 'config', ours: validateConfig, theirs: 'config-schema.json', good: 'config/good' },
  { name: 'state', ours: validateState, theirs: 'state-schema.json', good: 'state/good' },
  { name: 'features', ours: validateFeatures, theirs: 'features-schema.json', good: 'features/good' },
]

describe.skipIf(!present)('the schemas agree with those of the runtime-spec', () => {
  test.each(DOCUMENTS)('the good examples of $name are accepted', ({ ours, good }) => {
    for (const { name, text } of examples(good)) expect(ours(JSON.parse(text)), name).toBe(true)
  })

  test('the bad examples of a config are refused', () => {
    // What is wrong in the example for FreeBSD stands in a section that we leave alone.
    for (const { name, text } of examples('config/bad').filter(({ name }) => !name.startsWith('freebsd')))
      expect(() => parseConfig(text), name).toThrow()
  })

  test('the bad examples of state and features are refused', () => {
    const verdict = (ours: Verdict, text: string) => {
      try {
        return ours(JSON.parse(text))
      } catch {
        return false
      }
    }
    for (const { name, text } of examples('state/bad')) expect(verdict(validateState, text), name).toBe(false)
    for (const { name, text } of examples('features/bad')) expect(verdict(validateFeatures, text), name).toBe(false)
  })

  test.each(DOCUMENTS)('every property of $name for Linux is known to us', ({ name, theirs }) => {
    const known = new Set(paths(rootOf(OURS, `${name}.schema.json`), OURS))
    const wanted = paths(rootOf(UPSTREAM, theirs), UPSTREAM)
    expect(wanted.length).toBeGreaterThan(5)
    expect(wanted.filter(path => !known.has(path))).toEqual([])
  })

  test('damaged documents get the same verdict, and every difference on purpose is still one', {
    timeout: 60_000,
  }, () => {
    const used = new Set<RegExp>()
    for (const { name, ours, theirs, good } of DOCUMENTS) {
      const oracle = upstream(theirs)
      const full = sample(rootOf(OURS, `${name}.schema.json`)) as Schema
      for (const platform of OTHER_PLATFORMS) delete full[platform]
      expect([name, ours(full), oracle(full)]).toEqual([name, true, true])
      expect(unexplained(full, ours, oracle, used)).toEqual([])
      for (const { text } of examples(good)) expect(unexplained(JSON.parse(text), ours, oracle)).toEqual([])
    }
    expect([...STRICTER, ...LOOSER].filter(([where]) => !used.has(where)).map(([where]) => String(where))).toEqual([])
  })
})
