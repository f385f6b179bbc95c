const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

/** The bytes that a text in base64 stands for (RFC 4648 section 4), undefined when it is none. */
export function decodeBase64(text: string): Uint8Array | undefined {
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text)) return undefined
  const bytes: number[] = []
  for (let at = 0; at < text.length; at += 4) {
    const group = [...text.slice(at, at + 4)].filter(digit => digit !== '=')
    const bits = group.reduce((sum, digit) => (sum << 6) | DIGITS.indexOf(digit), 0) << (6 * (4 - group.length))
    const whole = [bits >> 16, (bits >> 8) & 0xff, bits & 0xff]
    bytes.push(...whole.slice(0, group.length - 1))
  }
  return Uint8Array.from(bytes)
}
