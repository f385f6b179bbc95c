/** An object of a document, whose shape nobody has looked at yet. */
export type JsonObject = Record<string, unknown>

/** JSON of a value in which integers may be bigints: their digits are written as they are, for readers of 64 bits. */
export function stringify(value: unknown, indent?: number): string {
  const marked = JSON.stringify(value, (_, entry) => (typeof entry === 'bigint' ? `\0${entry}` : entry), indent)
  return marked.replace(/"\\u0000(-?\d+)"/g, '$1')
}
