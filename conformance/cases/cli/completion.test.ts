// Completion of command lines in real shells, with the scripts that `tsrun completion` prints.

import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { makeDirectory } from '../../lib/bundle.ts'
import { create, oci } from '../../lib/container.ts'
import { expectOneSentence } from '../../lib/expect.ts'
import { type RunOptions, run } from '../../lib/run.ts'
import { isTsrun, runtime } from '../../lib/runtime.ts'
import { stateRoot } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

leavesNothing()

type Shell = 'bash' | 'zsh' | 'fish'

let directory = ''
let script = ''

/** A directory with `tsrun` in it, two bundles and a file, for each test. */
beforeEach(() => {
  directory = makeDirectory()
  mkdirSync(join(directory, 'bin'))
  symlinkSync(runtime.path, join(directory, 'bin/tsrun'))
  for (const bundle of ['box-one', 'box-two']) {
    mkdirSync(join(directory, bundle))
    writeFileSync(join(directory, bundle, 'config.json'), '{}')
  }
  mkdirSync(join(directory, 'boxes'))
  writeFileSync(join(directory, 'file.json'), '{}')
})

function has(shell: Shell): boolean {
  return run(['sh', '-c', `command -v ${shell}`]).status === 0
}

function options(): RunOptions {
  return {
    cwd: directory,
    env: { PATH: `${join(directory, 'bin')}:${process.env['PATH']}`, HOME: directory, TERM: 'dumb' },
  }
}

/** What the shell offers for the last word of a line. */
function complete(shell: Shell, line: string): string[] {
  script = join(directory, shell === 'zsh' ? '_tsrun' : 'completion')
  writeFileSync(script, oci(['completion', shell]).stdout)
  const { status, stdout, stderr } = run(drivers[shell](line), options())
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  return stdout
    .split(/\r?\n/)
    .map(entry => entry.split('\t')[0]!.trim())
    .filter(Boolean)
}

/** Words as readline has them: = and : are words of their own. */
function bashWords(line: string): string[] {
  return line
    .split(/ +|(=)/)
    .filter(word => word !== undefined && word !== '')
    .concat(line.endsWith(' ') ? [''] : [])
}

const drivers: Record<Shell, (line: string) => string[]> = {
  bash: line => [
    'bash',
    '--norc',
    '-c',
    `source ${script}; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _tsrun; printf '%s\\n' "\${COMPREPLY[@]}"`,
    'bash',
    ...bashWords(line),
  ],
  // In a terminal of its own: the widgets of zsh do not work without. What would be inserted or listed is captured.
  zsh: line => ['zsh', '-f', join(import.meta.dirname, '../../lib/complete.zsh'), dirname(script), line],
  fish: line => ['fish', '--no-config', '-c', `source ${script}; complete --do-complete ${JSON.stringify(line)}`],
}

const root = () => `--root ${stateRoot}`

describe.runIf(isTsrun).each<Shell>(['bash', 'zsh', 'fish'])('%s', shell => {
  const it = has(shell) ? test : test.skip

  it('completes commands', () => {
    expect(complete(shell, 'tsrun cre')).toEqual(['create'])
    const all = complete(shell, 'tsrun ')
    expect(all).toEqual(expect.arrayContaining(['create', 'run', 'seccomp', 'validate', 'help']))
    expect(complete(shell, 'tsrun --debug --log-format json sta').sort()).toEqual(['start', 'state'])
    expect(complete(shell, 'tsrun help pau')).toEqual(['pause'])
  })

  it('completes the options of a command', () => {
    const found = complete(shell, 'tsrun create --no')
    expect(found.map(word => word.replace(/=$/, '')).sort()).toEqual([
      '--no-new-keyring',
      '--no-pivot',
      '--no-subreaper',
    ])
    expect(complete(shell, 'tsrun update --memory-s').map(word => word.replace(/=$/, ''))).toEqual(['--memory-swap'])
  })

  it('completes choices, keywords and names that are known', () => {
    expect(complete(shell, 'tsrun list --format ').sort()).toEqual(['json', 'table'])
    expect(complete(shell, 'tsrun list -f j')).toEqual(['json'])
    expect(complete(shell, 'tsrun mounts ').sort()).toEqual(['add', 'remove'])
    expect(complete(shell, 'tsrun completion f')).toEqual(['fish'])
    expect(complete(shell, 'tsrun exec --cap-add CAP_SYS_PT')).toEqual(['CAP_SYS_PTRACE'])
  })

  it('completes the value behind a = sign', () => {
    const [only, ...others] = complete(shell, 'tsrun list --format=j')
    expect(only!.replace('--format=', '')).toBe('json')
    expect(others).toEqual([])
  })

  it('completes ids of containers, of the root that is named', () => {
    const { id } = create(['sleep', '100'])
    for (const verb of ['start', 'kill', 'update --memory 5m', 'exec -e A=b', 'delete --force'])
      expect(complete(shell, `tsrun ${root()} ${verb} ${id.slice(0, 4)}`)).toEqual([id])
    expect(complete(shell, `tsrun ${root()} kill ${id} KIL`)).toEqual(['KILL'])
    expect(complete(shell, `tsrun ${root()} create ${id.slice(0, 4)}`)).toEqual([])
  })

  it('completes bundles, which are directories with a config.json, and files', () => {
    for (const place of ['create --bundle bo', 'run -b bo', 'validate bo', 'plan --diff bo'])
      expect(
        complete(shell, `tsrun ${place}`)
          .map(word => word.replace(/\/$/, ''))
          .sort(),
      ).toEqual(['box-one', 'box-two'])
    expect(complete(shell, 'tsrun exec --process fi')).toEqual(['file.json'])
  })

  it('survives a root without containers and one that can not be read', () => {
    expect(complete(shell, 'tsrun --root /nonexistent/root start x')).toEqual([])
  })
})

describe.runIf(isTsrun)('tsrun completion', () => {
  test('wants the name of a shell', () => {
    expectOneSentence(oci(['completion', 'tcsh']), /`tcsh` is not one of `bash`, `zsh`, `fish`/)
    expectOneSentence(oci(['completion']), /argument bash\|zsh\|fish is missing/)
  })
})
