import type { Subject } from './results.ts'

/** By the first word of the name: tsrun stands out, versions of a program are shades of one colour. */
const families: Readonly<Record<string, readonly string[]>> = {
  tsrun: ['#0b57d0', '#6ea8fe', '#8250df'],
  crun: ['#bc6c25', '#dda15e', '#e9c99b'],
  runc: ['#6e7781', '#a8b0b8', '#cdd3d9'],
  floor: ['#24292f'],
  true: ['#d0d7de'],
}

const others: readonly string[] = ['#2a9d8f', '#b5838d', '#7f5539', '#588157']

/** A colour for each subject, by its name. */
export function chartColors(subjects: readonly Subject[]): Map<string, string> {
  const used = new Map<string, number>()
  return new Map(
    subjects.map(({ name }) => {
      const family = name.split('-')[0]!
      const shades = Object.hasOwn(families, family) ? families[family]! : others
      const key = shades === others ? '' : family
      const index = used.get(key) ?? 0
      used.set(key, index + 1)
      return [name, shades[index % shades.length]!]
    }),
  )
}
