/** The contract tests as a program for the static host; native/hosts/quickjs.exhaustive.test.ts builds it, starts it and reads what it says. */
import { launchExecutor } from '../../native/executor/launch.ts'
import type { Host } from '../../native/host.ts'
import { createQuickjsHost } from '../../native/hosts/quickjs.ts'
import { createKernel, type Kernel } from '../../native/kernel.ts'
import { DirectCalls } from '../../native/kernels/direct.ts'
import { kernelContract, type Subject } from '../kernel.contract.ts'
import { languageContract } from '../language.contract.ts'
import { nativeWordsContract } from '../nativeWords.contract.ts'
import { runTests } from './vitest.ts'

/** The program's one argument: an empty directory, for a directory per test. */
function scratch(host: Host, kernel: Kernel): string {
  const directory = `${host.argv[0]}/${count++}`
  kernel.mkdirat(-100, directory, 0o700)
  return directory
}

let count = 0

function direct(host: Host): Subject {
  const kernel = createKernel(new DirectCalls(host))
  const spawn = () => host.spawn({ file: '/bin/sh', argv: ['sh', '-c', 'exit 3'], env: [], descriptors: [] })
  return { kernel, spawn, directory: scratch(host, kernel), release() {} }
}

function throughExecutor(host: Host): Subject {
  const outside = createKernel(new DirectCalls(host))
  const executor = launchExecutor(host, outside, { passed: [] })
  const release = () => {
    executor.release()
    outside.wait(executor.pid, 0)
  }
  return { kernel: executor.kernel, directory: scratch(host, outside), release }
}

globalThis.start = async () => {
  const host = createQuickjsHost()
  const output = createKernel(new DirectCalls(host))
  kernelContract({ name: 'this process on QuickJS', make: () => direct(host) })
  kernelContract({
    name: 'the executor on QuickJS',
    make: () => throughExecutor(host),
    skip: [
      {
        reason: 'the executor starts processes only with clone3, see launch.test.ts',
        tests: ['a child is waited for once', 'the pidfd of a child is readable when it has ended'],
      },
    ],
  })
  nativeWordsContract(globalThis.quickjs, host)
  languageContract()
  runTests(outcome => output.writeAll(1, `${JSON.stringify(outcome)}\n`))
  return host.exit(0)
}
