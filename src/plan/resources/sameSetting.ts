import { isSet, type Setting } from './setting.ts'

const PAGE = 4096n

/** Does the file of a cgroup say what was written, in the words in which the kernel gives it back? */
export function sameSetting(setting: Setting, now: string | undefined): boolean {
  if (now === undefined || isSet(now, setting)) return now !== undefined
  const { file, value } = setting
  if (file.startsWith('cpuset.')) return expand(value) === expand(now)
  if (file === 'cpu.max') return samePrefix(value, now)
  if (/^(memory|hugetlb)\./.test(file)) return rounded(value, pageSize(file)) === rounded(now, pageSize(file))
  return sameWords(value, now)
}

/** `0-2,4` and `0,1,2,4` are the same set. */
function expand(list: string): string {
  const numbers = list.split(',').flatMap(part => {
    const [first = NaN, last = first] = part.trim().split('-').map(Number)
    return last - first < 0x1_0000 ? Array.from({ length: last - first + 1 }, (_, i) => first + i) : []
  })
  return [...new Set(numbers)].sort((a, b) => a - b).join(',')
}

/** A quota without a period leaves that as it is. */
function samePrefix(value: string, now: string): boolean {
  return now.startsWith(`${value.trim()} `)
}

/** Limits on memory are whole pages, those beyond what there can be are none. */
function rounded(text: string, page: bigint): string {
  if (!/^\d+$/.test(text.trim())) return text.trim()
  const bytes = BigInt(text.trim())
  return bytes >= 2n ** 63n - page ? 'max' : `${(bytes / page) * page}`
}

const UNITS: Readonly<Record<string, bigint>> = { KB: 1024n, MB: 1024n ** 2n, GB: 1024n ** 3n }

/** hugetlb.2MB.max. */
function pageSize(file: string): bigint {
  const [, count, unit] = /^hugetlb\.(\d+)(KB|MB|GB)\./.exec(file) ?? []
  return count === undefined ? PAGE : BigInt(count) * UNITS[unit!]!
}

/** io.max and the like give back words that were not written, `wiops=max`, and in an order of their own. */
function sameWords(value: string, now: string): boolean {
  const words = now.split(/\s+/)
  return value.split(/\s+/).every(word => words.includes(word))
}
