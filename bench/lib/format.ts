// Numbers as people read them.

/** Wall time as time(1) prints it: minutes, seconds, hundredths. */
export function clock(milliseconds: number): string {
  const hundredths = Math.round(milliseconds / 10)
  const minutes = Math.floor(hundredths / 6000)
  const seconds = ((hundredths % 6000) / 100).toFixed(2).padStart(5, '0')
  return `${minutes}:${seconds}`
}

/** How much more or less than the reference, in per cent: -49.4 % for about half of it. */
export function change(value: number, reference: number): string {
  const percent = (value / reference - 1) * 100
  return `${percent > 0 ? '+' : percent < 0 ? '-' : ''}${Math.abs(percent).toFixed(1)} %`
}

/** How many times the reference. */
export function times(value: number, reference: number): string {
  return `${(value / reference).toFixed(2)} x`
}

/** Three significant digits, as many as a measurement of this kind is good for; whole numbers from 100 on. */
export function number(value: number): string {
  if (Number.isInteger(value) || Math.abs(value) >= 100) return groups(Math.round(value))
  const digits = Math.abs(value) >= 10 ? 1 : 2
  return value.toFixed(digits)
}

function groups(integer: number): string {
  return String(integer).replace(/\B(?=(\d{3})+$)/g, ' ')
}
