import { AT_FDCWD } from '../../../../native/abi/fcntl.ts'
import type { SeccompArch } from '../../../../spec/generated/config.ts'
import { archNamed } from '../../../diagnose/explain/calls.ts'
import { type Bearer, USUAL_CAPABILITIES } from '../../../diagnose/explain/engines.ts'
import { explain, type Explanation, type Filter, type Question } from '../../../diagnose/explain/explain.ts'
import { lintSeccomp } from '../../../diagnose/explain/lint.ts'
import { type LoadedProfile, loadProfile } from '../../../diagnose/explain/load.ts'
import { defaultText, type Overview, overview, sizeOf } from '../../../diagnose/explain/overview.ts'
import { type Finding, findingText, sorted, summary } from '../../../diagnose/finding.ts'
import { doing, UsageError } from '../../../errors.ts'
import { nativeArchitecture } from '../../../plan/seccomp/architectures.ts'
import { compile } from '../../../plan/seccomp/compile.ts'
import { disassemble } from '../../../plan/seccomp/disassemble.ts'
import type { Runtime } from '../../../runtime.ts'
import type { OptionsOf } from '../../line/options.ts'
import { formatTable } from '../../table.ts'
import type { Verb } from '../../verb.ts'

type Options = OptionsOf<'seccomp'>

/** The most that a system call has. */
const ARGUMENTS_MAX = 6

export const verb: Verb<'seccomp'> = (runtime, options, [, path = '', call, ...words]) => {
  const loaded = doing('seccomp explain', () => loadProfile(runtime, path, bearer(runtime, options)))
  const native = nativeArchitecture[runtime.host.arch]
  const { profile } = loaded
  const listed = [...new Set([native, ...(profile.architectures ?? [])])]
  const filter = { profile, program: compile(profile, native), listed }
  const asked = architecturesAsked(options.arch, filter)
  if (options.disassemble) {
    runtime.write(`${disassemble(filter.program)}\n`)
    return 0
  }
  if (call === undefined) return showOverview(runtime, options, loaded, filter, asked)
  const question = { name: call, args: readArguments(words) }
  const answers = asked.map(arch => placed(explain(filter, question, arch), loaded))
  if (answers.every(({ number }) => number === undefined)) throw unknownCall(question)
  runtime.write(options.format === 'json' ? json(answers) : answers.map(explanationText).join('\n'))
  return 0
}

function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`
}

/** CAP_X and x both name a capability. */
function bearer({ host, outside }: Runtime, { cap }: Options): Bearer {
  const names = cap.map(name => name.toUpperCase().replace(/^(CAP_)?/, 'CAP_'))
  const kernel = outside.readTextIfAny(AT_FDCWD, '/proc/sys/kernel/osrelease') ?? ''
  return {
    native: host.arch,
    capabilities: cap.length === 0 ? USUAL_CAPABILITIES : names.filter(name => name !== 'CAP_NONE'),
    kernel,
  }
}

function architecturesAsked(word: string | undefined, { listed }: Filter): readonly SeccompArch[] {
  if (word === undefined) return [listed[0]!]
  if (word === 'all') return listed
  const arch = archNamed(word)
  if (arch === undefined)
    throw new UsageError(`seccomp: \`${word}\` is no architecture that profiles know; \`x86_64\` and \`all\` are some`)
  return [arch]
}

/** Numbers as in C: 65, 0x41, 0101; negative ones as 64 bits. */
function readArguments(words: readonly string[]): bigint[] {
  if (words.length > ARGUMENTS_MAX)
    throw new UsageError(`seccomp: a system call has ${ARGUMENTS_MAX} arguments at most, not ${words.length}`)
  return words.map(word => {
    const match = /^(-?)(0x[0-9a-f]+|\d+)$/i.exec(word)
    if (match === null) throw new UsageError(`seccomp: the arguments of a system call are numbers, not \`${word}\``)
    const digits = match[2]!
    const value = BigInt(/^0\d/.test(digits) ? `0o${digits.slice(1)}` : digits)
    const signed = match[1] === '-' ? 2n ** 64n - value : value
    if (signed < 0n || signed >= 2n ** 64n) throw new UsageError(`seccomp: \`${word}\` does not fit into 64 bits`)
    return signed
  })
}

function unknownCall({ name }: Question): UsageError {
  return new UsageError(
    `seccomp: \`${name}\` is no system call of the architecture; --arch all asks for the others, too`,
  )
}

function placed(found: Explanation, { place }: LoadedProfile): Explanation {
  const inFile = (text: string) => text.replace(/\/linux\/seccomp(\/\w+)*/g, pointer => place(pointer))
  return { ...found, pointer: found.pointer && inFile(found.pointer), steps: found.steps.map(inFile) }
}

function explanationText({
  architecture,
  name,
  number,
  args,
  answer,
  pointer,
  reason,
  steps,
  executed,
  size,
}: Explanation): string {
  const call = `${architecture} ${name}(${args.join(', ')})`
  if (answer === undefined) return `${call}: ${reason}\n`
  const rows = [
    ['answer', answer],
    ['because', pointer === undefined ? reason : `${pointer}: ${reason}`],
    ...steps.map(text => ['looked at', text]),
    ['cost', `${executed} of ${size} instructions`],
  ]
  return `${call}, number ${number}\n${formatTable(rows.map(row => ['', ...row]))}`
}

function showOverview(
  runtime: Runtime,
  { format }: Options,
  loaded: LoadedProfile,
  filter: Filter,
  asked: readonly SeccompArch[],
): number {
  const lint = lintSeccomp(filter.profile, runtime.host.arch).map(entry => ({
    ...entry,
    pointer: loaded.place(`/linux/seccomp${entry.pointer}`),
    message: entry.message.replace(/\/syscalls\/\d+/g, rule => loaded.place(`/linux/seccomp${rule}`)),
  }))
  const findings = sorted([...loaded.faults, ...lint])
  const overviews = asked.map(arch => overview(filter, arch))
  const numbers = { default: defaultText(filter), instructions: sizeOf(filter), architectures: filter.listed }
  runtime.write(
    format === 'json'
      ? json({ ...numbers, overviews, findings })
      : `${numbersText(numbers)}${overviews.map(overviewText).join('')}\n${findingsText(findings)}`,
  )
  return findings.some(({ severity }) => severity === 'error') ? 1 : 0
}

function numbersText(numbers: { default: string; instructions: number; architectures: readonly string[] }): string {
  return formatTable([
    ['default', numbers.default],
    ['size', `${numbers.instructions} instructions`],
    ['architectures', numbers.architectures.join(', ')],
  ])
}

function overviewText({ architecture, answers, common, mean, most }: Overview): string {
  const rows = [
    ...Object.entries(answers).map(([answer, count]) => ['', `${count} calls`, answer]),
    ...Object.entries(common).map(([name, executed]) => ['', `${executed} instructions`, name]),
    ['', `${mean} instructions`, 'on average of all calls'],
    ['', `${most.executed} instructions`, `at most: ${most.name}`],
  ]
  return `\n${architecture}\n${formatTable(rows)}`
}

function findingsText(findings: readonly Finding[]): string {
  return `${findings.map(findingText).join('')}${summary(findings)}\n`
}
