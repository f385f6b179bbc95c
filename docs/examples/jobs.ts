// Runs jobs, each in a container of its own, a few at a time.
//
//   npx tsx docs/examples/jobs.ts ROOTFS 'echo one' 'echo two' 'exit 3'

import { pathToFileURL } from 'node:url'
import { defaultConfig, Failure, Runtime } from 'tsrun'

/** How a job ended. */
export interface Done {
  readonly script: string
  /** Undefined when there was no container to run it in. */
  readonly code: number | null | undefined
  readonly output: string
}

/** Runs a shell script per job in the root file system at `rootfs`, at most `limit` at once; results are in their order. */
export async function runJobs(rootfs: string, scripts: readonly string[], limit = 4): Promise<Done[]> {
  const runtime = new Runtime()
  const results: Done[] = []
  const queue = scripts.entries()
  const worker = async () => {
    // All workers take from one queue.
    for (const [at, script] of queue) results[at] = await runJob(runtime, rootfs, script)
  }
  await Promise.all(Array.from({ length: limit }, worker))
  return results
}

async function runJob(runtime: Runtime, rootfs: string, script: string): Promise<Done> {
  try {
    const { code, stdout } = await runtime.run({ config: defaultConfig(rootfs, ['sh', '-c', script]) })
    return { script, code, output: stdout }
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    return { script, code: undefined, output: error.message }
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [rootfs = '', ...scripts] = process.argv.slice(2)
  console.table(await runJobs(rootfs, scripts))
}
