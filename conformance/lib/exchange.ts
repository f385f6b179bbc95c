import { join } from 'node:path'
import { makeDirectory } from './bundle.ts'
import { launch, must } from './run.ts'
import { repository } from './runtime.ts'
import { later } from './scene.ts'

/** Exchanges two names until the test ends, or what it returns is called. Needs a C compiler. */
export async function exchange(a: string, b: string, pause = 0): Promise<() => Promise<void>> {
  const program = join(makeDirectory(), 'exchange')
  must(['cc', '-O1', '-Wall', '-o', program, join(repository, 'conformance/lib/exchange.c')])
  const running = launch([program, a, b, String(pause)], { timeout: 3_600_000 })
  const end = () => void running.child.kill('SIGKILL')
  later(end)
  await running.speaks
  return async () => {
    end()
    await running.done
  }
}
