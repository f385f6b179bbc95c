import { spawnSync } from 'node:child_process'
import { type Architecture, architecture } from '../native/arch/architecture.ts'

/** A C compiler that is there with its headers. */
export interface CCompiler {
  readonly name: string
  /** For what it compiles. */
  readonly arch: Architecture
}

const usual: readonly CCompiler[] = [
  { name: 'cc', arch: architecture ?? 'x86_64' },
  { name: 'aarch64-linux-gnu-gcc', arch: 'aarch64' },
]

/** That of this machine, and for another one. */
export const compilers = usual.filter(
  ({ name }) => spawnSync(name, ['-x', 'c', '-fsyntax-only', '-'], { input: '#include <fcntl.h>\n' }).status === 0,
)

/**
 * The values of C expressions, as 64 bits without a sign. They stand in the assembly that the compiler makes, so nothing is run, and the compiler may be
 * one for another architecture. What these headers are too old for is left out.
 */
export function evaluate(
  compiler: CCompiler,
  headers: readonly string[],
  expressions: readonly string[],
): Map<string, bigint> {
  const before = ['#define _GNU_SOURCE', '#include <stddef.h>', ...headers.map(header => `#include <${header}>`)]
  // A function each: gcc tells of an unknown name once in each function. In halves: an immediate has 32 bits.
  const functions = expressions.map((text, i) => {
    const halves = [`(int)(${text})`, `(int)((unsigned long long)(${text}) >> 32)`].map(half => `"i"(${half})`)
    return `void f${i}(void) { __asm__ volatile("@ ${i} %c0 %c1" :: ${halves.join(', ')}); }`
  })
  const { status, stdout, stderr } = spawnSync(compiler.name, ['-x', 'c', '-w', '-O1', '-S', '-o', '-', '-'], {
    input: [...before, ...functions, ''].join('\n'),
    encoding: 'utf8',
  })
  const word = (half: string) => BigInt.asUintN(32, BigInt(half))
  if (status === 0)
    return new Map(
      [...stdout.matchAll(/@ (\d+) (-?\d+) (-?\d+)/g)].map(([, i, low, high]) => [
        expressions[Number(i)]!,
        (word(high!) << 32n) | word(low!),
      ]),
    )
  const lines = new Set([...stderr.matchAll(/^<stdin>:(\d+):\d+: error/gm)].map(([, line]) => Number(line)))
  const known = expressions.filter((_, i) => !lines.has(before.length + i + 1))
  if (known.length === expressions.length) throw new Error(stderr)
  return evaluate(compiler, headers, known)
}
