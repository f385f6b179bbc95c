import type { SeccompArch } from '../../../spec/generated/config.ts'
import { architectures, isNumber } from '../../plan/seccomp/architectures.ts'

/** The calls of an architecture by name, with the numbers that a filter sees. */
export function callsOf(arch: SeccompArch): Map<string, number> {
  const calls = new Map<string, number>()
  let number = 0
  for (const word of architectures[arch].calls.split(' ')) {
    if (isNumber(word)) number = Number(word)
    else calls.set(word, number++)
  }
  return calls
}

/** Names as people write them: `x86_64`, `SCMP_ARCH_X86_64`. */
export function archNamed(word: string): SeccompArch | undefined {
  const name = word.toUpperCase().replace(/^(SCMP_ARCH_)?/, 'SCMP_ARCH_')
  return Object.hasOwn(architectures, name) ? (name as SeccompArch) : undefined
}
