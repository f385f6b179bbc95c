// A real terminal for what runs in the foreground: a shell in tmux, whose keys are pressed and whose screen is looked at.

import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeDirectory } from './bundle.ts'
import { eventually, must, run } from './run.ts'
import { fresh, later, sceneDirectory } from './scene.ts'

export interface Screen {
  /** Presses keys by the names of tmux: `C-c`, `Enter`, `Escape`. */
  press(...keys: string[]): void
  /** Types text as it is. */
  type(text: string): void
  /** Types a line for the shell, or for whatever reads lines there. */
  enter(line: string): void
  /** The lines of the screen without what is empty at their ends. */
  lines(): string[]
  /** Waits until a line matches, and gives what it was. */
  until(pattern: RegExp): RegExpExecArray
  resize(columns: number, rows: number): void
  /** The pid of the shell. */
  shell: number
}

/** A file to be executed instead of a long line, with words that a shell would take apart. */
export function commandFile(words: readonly string[]): string {
  const file = join(makeDirectory(), 'command')
  const quoted = words.map(word => `'${word.replaceAll("'", "'\\''")}'`)
  writeFileSync(file, `#!/bin/sh\nexec ${quoted.join(' ')}\n`, { mode: 0o755 })
  return file
}

/** What the shell says when it waits for a line. */
const PROMPT = 'outer$ '

/** A fresh terminal with an interactive shell, gone with the test. */
export function openScreen(columns = 100, rows = 30): Screen {
  const socket = join(sceneDirectory, fresh('tmux'))
  const tmux = (...words: string[]) => must(['tmux', '-S', socket, '-f', '/dev/null', ...words])
  const env = [
    'env',
    '-i',
    'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    'TERM=screen',
    `PS1=${PROMPT}`,
  ]
  const size = ['-x', String(columns), '-y', String(rows)]
  tmux('new-session', '-d', ...size, ...env, 'bash', '--norc', '--noediting', '-i')
  later(() => {
    run(['tmux', '-S', socket, 'kill-server'])
    rmSync(socket, { force: true })
  })
  const screen: Screen = {
    press: (...keys) => void tmux('send-keys', ...keys),
    type: text => void tmux('send-keys', '-l', text),
    enter: line => {
      screen.type(line)
      screen.press('Enter')
    },
    lines: () =>
      tmux('capture-pane', '-p', '-J')
        .split('\n')
        .map(line => line.trimEnd()),
    until: pattern => {
      const match = () =>
        screen
          .lines()
          .map(line => pattern.exec(line))
          .find(found => found !== null)
      try {
        return eventually(`${pattern}`, match)
      } catch (error) {
        throw new Error(`${(error as Error).message}; on the screen:\n${screen.lines().join('\n').trimEnd()}`)
      }
    },
    resize: (width, height) => {
      tmux('resize-window', '-x', String(width), '-y', String(height))
      const tty = tmux('display-message', '-p', '#{pane_tty}').trim()
      // tmux takes its time when it has resized just before.
      eventually('the new size', () => must(['stty', '-F', tty, 'size']) === `${height} ${width}\n`)
    },
    shell: Number(tmux('display-message', '-p', '#{pane_pid}')),
  }
  screen.until(/^outer\$/)
  return screen
}
