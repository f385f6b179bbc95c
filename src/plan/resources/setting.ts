import type { LimitStep } from './step.ts'

/** What one entry of a cgroup's file is to be: the whole file, or the line that begins with a key. */
export interface Setting {
  readonly file: string
  /** A device, `8:0`, or a name; undefined when the file has a single value. */
  readonly key: string | undefined
  /** What is written, without the key. */
  readonly value: string
}

/** A whole number or `max` begins the value of a file without keys, `20000 100000` say. */
const KEYED = /^(?!max )([A-Za-z_]\S*|\d+:\d+) (.+)$/s

/** What the files have after all the steps, which may set one of them several times. */
export function settingsOf(steps: readonly Pick<LimitStep, 'file' | 'value'>[]): Setting[] {
  const settings = new Map<string, Setting>()
  for (const { file, value } of steps) {
    const [, key, rest] = KEYED.exec(value.trim()) ?? []
    const name = `${file} ${key ?? ''}`
    const before = settings.get(name)
    // `rbps=1` and `wbps=2` of a device are two steps, and both hold.
    const both = before !== undefined && rest?.includes('=') ? `${before.value} ${rest}` : (rest ?? value.trim())
    settings.set(name, { file, key, value: both })
  }
  return [...settings.values()]
}

/** What the text of the file says about the setting now; undefined when it has no line for the key. */
export function valueIn(text: string, { key, value }: Setting): string | undefined {
  const lines = text.trim().split('\n')
  const line = (name: string) => lines.find(entry => entry.split(' ')[0] === name)?.slice(name.length + 1)
  if (key !== undefined) return line(key)
  // io.weight has a line for all devices without one of their own, and takes its number alone, too.
  return (/^\d+$/.test(value) ? line('default') : undefined) ?? text.trim()
}

/** Does the file have that already, as far as its text tells? */
export function isSet(now: string | undefined, { value }: Setting): boolean {
  if (!value.includes('=')) return now === value
  const words = now?.split(' ') ?? []
  return value.split(' ').every(word => words.includes(word))
}

/** What has to be written so that the setting is as it was when the file said `now` about it. */
export function restoring(now: string | undefined, { key, value }: Setting): string {
  if (key === undefined) return now || '\n'
  return `${key} ${now ?? value.split(' ').map(withoutLimit).join(' ')}`
}

/** `rbps=1024` becomes `rbps=max`; a weight becomes the general one. */
function withoutLimit(word: string): string {
  return word.includes('=') ? word.replace(/=.*/, '=max') : 'default'
}
