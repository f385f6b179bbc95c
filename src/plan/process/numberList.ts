import { ConfigError } from '../../errors.ts'

/**
 * The bit mask of a list of numbers such as `0-3,7`, as the kernel writes sets of CPUs and memory nodes (cpuset(7), List
 * format): bit n stands for n, in whole 64-bit words. Throws a ConfigError at `pointer` for anything else, and for
 * numbers of `limit` and more, which no kernel has.
 */
export function numberMask(list: string, limit: number, pointer: string): Uint8Array {
  const ranges = list.split(',').map(text => range(text.trim(), list, limit, pointer))
  const highest = Math.max(...ranges.map(([, last]) => last))
  const mask = new Uint8Array(8 * (Math.floor(highest / 64) + 1))
  for (const [first, last] of ranges) for (let n = first; n <= last; n++) mask[n >> 3]! |= 1 << (n & 7)
  return mask
}

function range(text: string, list: string, limit: number, pointer: string): readonly [number, number] {
  const match = /^(\d+)(?:-(\d+))?$/.exec(text)
  if (match === null) throw new ConfigError(`must be a list such as 0-3,7, is ${JSON.stringify(list)}`, pointer)
  const first = Number(match[1])
  const last = Number(match[2] ?? first)
  if (first > last) throw new ConfigError(`the range ${text} goes backwards`, pointer)
  if (last >= limit) throw new ConfigError(`${last} is too high, the highest possible is ${limit - 1}`, pointer)
  return [first, last]
}
