import { join } from 'node:path'
import { makeDirectory } from './bundle.ts'
import { compile } from './compile.ts'
import { launch } from './run.ts'
import { later } from './scene.ts'

/** Exchanges two names until the test ends, or what it returns is called. Needs a C compiler. */
export async function exchange(a: string, b: string, pause = 0): Promise<() => Promise<void>> {
  const program = join(makeDirectory(), 'exchange')
  compile('exchange', program)
  const running = launch([program, a, b, String(pause)], { timeout: 3_600_000 })
  const end = () => void running.child.kill('SIGKILL')
  later(end)
  await running.speaks
  return async () => {
    end()
    await running.done
  }
}
