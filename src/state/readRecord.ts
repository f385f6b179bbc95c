import { type ContainerRecord, RECORD_VERSION } from './record.ts'

/**
 * What state.json says. `none`: there is no such file, since the container is still being created or just being deleted.
 * A file that is damaged, or of a newer program, still says what in it has the right form: `rest`, which nobody may take
 * for true unless the kernel says the same.
 */
export type RecordReading =
  | { readonly kind: 'none' }
  | { readonly kind: 'record'; readonly record: ContainerRecord }
  | {
      readonly kind: 'damaged' | 'newer'
      readonly why: string
      readonly rest: Partial<ContainerRecord>
      /** It may be as good as any, but others than root and we can write it. */
      readonly foreign?: true
    }

/** A form that a field has to have, and its name in messages. */
interface FieldForm {
  readonly what: string
  readonly fits: (value: unknown) => boolean
}

/** <linux/threads.h>: PID_MAX_LIMIT. No container's first process is 1, that of the namespace we are in. */
const LAST_PID = 2 ** 22

const isInteger = (first: number, last: number) => (value: unknown) =>
  Number.isInteger(value) && (value as number) >= first && (value as number) <= last
const isText = (value: unknown) => typeof value === 'string'
const matches = (pattern: RegExp) => (value: unknown) => typeof value === 'string' && pattern.test(value)
const isList = (fits: FieldForm['fits']) => (value: unknown) => Array.isArray(value) && value.every(fits)
const isTable = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const text: FieldForm = { what: 'a text', fits: isText }
const flag: FieldForm = { what: 'true or false', fits: value => typeof value === 'boolean' }
const digits: FieldForm = { what: 'a number in a text', fits: matches(/^\d{1,20}$/) }
const time: FieldForm = { what: 'a time', fits: value => typeof value === 'string' && !Number.isNaN(Date.parse(value)) }
const path: FieldForm = { what: 'an absolute path', fits: matches(/^\/[^\0]*$/) }
/** Without `.` and `..`, and not the root. */
const cleanPath: FieldForm = { what: 'a clean absolute path', fits: matches(/^(\/(?!\.{1,2}(\/|$))[^/\0]+)+$/) }
const paths: FieldForm = { what: 'a list of paths', fits: isList(cleanPath.fits) }
const texts: FieldForm = { what: 'a list of texts', fits: isList(isText) }
const json: FieldForm = {
  what: 'JSON in a text',
  fits: value => typeof value === 'string' && parse(value) !== undefined,
}
const annotations: FieldForm = {
  what: 'a table of texts',
  fits: value => isTable(value) && Object.values(value).every(isText),
}
const mounts: FieldForm = {
  what: 'a list of mounts',
  fits: isList(
    value => isTable(value) && path.fits(value.destination) && digits.fits(value.mountId) && isTable(value.entry),
  ),
}

type OptionalField = {
  [K in keyof ContainerRecord]-?: undefined extends ContainerRecord[K] ? K : never
}[keyof ContainerRecord]

const REQUIRED: Readonly<Record<Exclude<keyof ContainerRecord, OptionalField>, FieldForm>> = {
  id: text,
  ociVersion: text,
  bundle: path,
  rootfs: path,
  created: time,
  uid: { what: 'a user id', fits: isInteger(0, 2 ** 32 - 1) },
  pid: { what: 'the number of a process', fits: isInteger(2, LAST_PID) },
  startTime: digits,
}

const OPTIONAL: Readonly<Record<OptionalField, FieldForm>> = {
  version: { what: 'a version', fits: isInteger(1, RECORD_VERSION) },
  cgroup: cleanPath,
  cgroupId: digits,
  resctrl: paths,
  unit: { what: 'the name of a scope', fits: matches(/^[^/\0]+\.scope$/) },
  sharedPidNamespace: flag,
  withoutProcess: flag,
  notifies: flag,
  notifyDirectory: cleanPath,
  laterHooks: flag,
  exitCode: { what: 'an exit code', fits: isInteger(0, 255) },
  resources: json,
  keyring: text,
  noNewKeyring: flag,
  mounts,
  unmounted: texts,
  annotations,
}

const FORMS = Object.entries({ ...REQUIRED, ...OPTIONAL })

/** Judges the text of a state.json that lies in the directory of the container `id`. */
export function readRecord(content: string, id: string): RecordReading {
  const found = parse(content)
  if (!isTable(found)) return damaged(found === undefined ? 'it is no JSON' : 'it is no JSON object', {})
  const wrong = FORMS.filter(([field, { fits }]) => !isRight(found, field, fits)).map(([field]) => field)
  const rest = Object.fromEntries(FORMS.flatMap(([field]) => (wrong.includes(field) ? [] : [[field, found[field]]])))
  if (isInteger(RECORD_VERSION + 1, Number.MAX_SAFE_INTEGER)(found.version))
    return { kind: 'newer', why: `it is of version ${found.version}`, rest }
  if (wrong.length > 0) return damaged(complaint(found, wrong[0]!), rest)
  if (found.id !== id) return damaged(`it is that of another container, \`${found.id}\``, {})
  return { kind: 'record', record: found as unknown as ContainerRecord }
}

/** For a file that can not be read. */
export function damaged(why: string, rest: Partial<ContainerRecord> = {}): RecordReading {
  return { kind: 'damaged', why, rest }
}

/** For a file that is not read, since somebody else may have written what he likes. */
export function foreign(why: string): RecordReading {
  return { kind: 'damaged', why, rest: {}, foreign: true }
}

function isRight(found: Record<string, unknown>, field: string, fits: FieldForm['fits']): boolean {
  return Object.hasOwn(found, field) ? fits(found[field]) : !Object.hasOwn(REQUIRED, field)
}

function complaint(found: Record<string, unknown>, field: string): string {
  const { what } = { ...REQUIRED, ...OPTIONAL }[field as keyof ContainerRecord]
  return Object.hasOwn(found, field) ? `\`${field}\` is not ${what}` : `\`${field}\` is missing`
}

/** Undefined for what is no JSON. */
function parse(content: string): unknown {
  try {
    return JSON.parse(content)
  } catch {
    return undefined
  }
}
