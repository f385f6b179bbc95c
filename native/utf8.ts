/** UTF-8 in the core, which has no TextEncoder (see host.ts: an engine is expected to offer none). */

/** What an engine may do faster for the most common text; each function declines what it can not do. */
export interface NativeAscii {
  /** Returns the offset after the text, or -1 for other than ASCII text and for too little room. */
  encodeInto(bytes: Uint8Array, offset: number, text: string): number
  /** Returns undefined for other bytes than ASCII. */
  decode(bytes: Uint8Array): string | undefined
  /** Is `part`, which is ASCII, in the text? */
  includes(text: string, part: string): boolean
  /** Has the text so many digits in a row? */
  hasDigits(text: string, count: number): boolean
}

let native: NativeAscii | undefined

/** To be called by a host that has these: an interpreter takes 20 us for what C does in one. */
export function useNativeAscii(ascii: NativeAscii | undefined): void {
  native = ascii
}

/** Is `part`, which is ASCII, somewhere in the text? For a whole document. */
export function isIn(text: string, part: string): boolean {
  return native === undefined ? text.includes(part) : native.includes(text, part)
}

/**
 * Has the text so many digits in a row? One of `count` such digits is at a multiple of `count`; a regular expression would
 * look at every character.
 */
export function hasDigits(text: string, count: number): boolean {
  if (native !== undefined) return native.hasDigits(text, count)
  for (let at = 0; at < text.length; at += count) {
    if (!isDigit(text.charCodeAt(at))) continue
    let start = at
    let end = at + 1
    while (isDigit(text.charCodeAt(start - 1))) start--
    while (isDigit(text.charCodeAt(end))) end++
    if (end - start >= count) return true
  }
  return false
}

/** NaN, what is outside of a text, is none. */
function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39
}

/** Writes `text` to `bytes` at `offset`; returns the offset after it. Unpaired surrogates become U+FFFD. */
export function encodeInto(bytes: Uint8Array, offset: number, text: string): number {
  const end = native?.encodeInto(bytes, offset, text) ?? -1
  if (end >= 0) return end
  let at = offset
  for (let i = 0; i < text.length; i++) {
    let code = text.charCodeAt(i)
    if (code < 0x80) {
      bytes[at++] = code
      continue
    }
    if (code < 0x800) {
      bytes[at++] = 0xc0 | (code >> 6)
      bytes[at++] = 0x80 | (code & 0x3f)
      continue
    }
    if (code >= 0xd800 && code < 0xe000) {
      const low = text.charCodeAt(i + 1)
      if (code < 0xdc00 && low >= 0xdc00 && low < 0xe000) {
        i++
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00)
        bytes[at++] = 0xf0 | (code >> 18)
        bytes[at++] = 0x80 | ((code >> 12) & 0x3f)
        bytes[at++] = 0x80 | ((code >> 6) & 0x3f)
        bytes[at++] = 0x80 | (code & 0x3f)
        continue
      }
      code = 0xfffd
    }
    bytes[at++] = 0xe0 | (code >> 12)
    bytes[at++] = 0x80 | ((code >> 6) & 0x3f)
    bytes[at++] = 0x80 | (code & 0x3f)
  }
  return at
}

/** How many bytes `text` takes at the most; exact for ASCII. */
export function byteBound(text: string): number {
  return text.length * 3
}

/** The bytes of `text`. */
export function encode(text: string): Uint8Array {
  const bytes = new Uint8Array(byteBound(text))
  return bytes.subarray(0, encodeInto(bytes, 0, text))
}

const CHUNK = 4096

/** The text of `bytes`; a malformed sequence becomes U+FFFD. */
export function decode(bytes: Uint8Array): string {
  const ascii = native?.decode(bytes)
  if (ascii !== undefined) return ascii
  let text = ''
  let units: number[] = []
  let at = 0
  while (at < bytes.length) {
    const lead = bytes[at++]!
    if (lead < 0x80) units.push(lead)
    else {
      const more = lead >= 0xf0 && lead < 0xf5 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc2 ? 1 : 0
      let code = more === 3 ? lead & 0x07 : more === 2 ? lead & 0x0f : lead & 0x1f
      let good = more > 0 && lead < 0xf5
      for (let i = 0; good && i < more; i++) {
        const next = bytes[at]
        if (next === undefined || (next & 0xc0) !== 0x80) good = false
        else {
          code = (code << 6) | (next & 0x3f)
          at++
        }
      }
      const shortest = more === 3 ? 0x10000 : more === 2 ? 0x800 : 0x80
      if (!good || code < shortest || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) units.push(0xfffd)
      else if (code < 0x10000) units.push(code)
      else units.push(0xd800 + ((code - 0x10000) >> 10), 0xdc00 + ((code - 0x10000) & 0x3ff))
    }
    if (units.length >= CHUNK) {
      text += String.fromCharCode(...units)
      units = []
    }
  }
  return text + String.fromCharCode(...units)
}
