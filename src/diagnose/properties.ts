import { properties } from '../../spec/generated/properties.ts'

/** A property of an object of config.json. */
interface SchemaProperty {
  readonly required: boolean
  /** The object that it holds, alone or in a list. */
  readonly held: string | undefined
  /** That stands under any name. */
  readonly named: boolean
}

const tables = new Map<string, Map<string, SchemaProperty>>()

function tableOf(object: string): Map<string, SchemaProperty> {
  const known = tables.get(object)
  if (known !== undefined) return known
  const table = new Map<string, SchemaProperty>()
  for (const word of properties[object]!.split(' ')) {
    const [, key, mark, named, held] = /^(\w+)(!?)(?::(\*?)(\w+))?$/.exec(word)!
    table.set(key!, { required: mark === '!', held, named: named === '*' })
  }
  tables.set(object, table)
  return table
}

/** Must the property at the end of this path be there, when the object is that it belongs to? */
export function isRequired(keys: readonly string[]): boolean {
  let object: string | undefined = 'Config'
  for (let i = 0; i < keys.length && object !== undefined; i++) {
    const property: SchemaProperty | undefined = tableOf(object).get(keys[i]!)
    if (property === undefined) return false
    if (i === keys.length - 1) return property.required
    object = property.held
    if (property.named || /^\d+$/.test(keys[i + 1]!)) i++
  }
  return false
}

/** A property that config.json has and the specification does not, with those that could be meant. */
export interface UnknownProperty {
  readonly keys: readonly string[]
  readonly known: readonly string[]
}

/** The properties that no runtime looks at. */
export function unknownProperties(value: unknown, object = 'Config', keys: readonly string[] = []): UnknownProperty[] {
  if (Array.isArray(value)) return value.flatMap((entry, i) => unknownProperties(entry, object, [...keys, String(i)]))
  if (typeof value !== 'object' || value === null) return []
  const table = tableOf(object)
  return Object.entries(value).flatMap(([key, inner]) => {
    const here = [...keys, key]
    const property = table.get(key)
    if (property === undefined) return [{ keys: here, known: [...table.keys()] }]
    if (property.held === undefined) return []
    if (!property.named) return unknownProperties(inner, property.held, here)
    return Object.entries(inner ?? {}).flatMap(([name, entry]) =>
      unknownProperties(entry, property.held, [...here, name]),
    )
  })
}
