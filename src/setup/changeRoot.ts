import type { Executor } from '../../native/executor/launch.ts'
import type { ContainerPlan } from '../plan/container.ts'
import { isOwn } from '../plan/namespaces/namespaces.ts'
import type { ContainerRoot } from '../rootfs/containerRoot.ts'
import { enterRoot, finishRoot } from '../rootfs/rootfs.ts'
import type { ConsoleRoute } from '../streams/consoleRoute.ts'
import { bindConsole, giveTerminal } from '../streams/terminal.ts'
import { closeAllBut } from './closeAllBut.ts'
import type { Contents } from './contents.ts'
import { joinSessionKeyring } from './facilities/keyring.ts'
import { labelFiles } from './facilities/labels.ts'
import { bindNotifySocket } from './facilities/notify.ts'
import { writeSysctls } from './facilities/sysctl.ts'
import type { SpawnedProcess } from './firstProcess.ts'
import { lastingFds, type Making } from './hostResources.ts'
import type { PlacedOnHost } from './onHost.ts'
import { enterWorkingDirectory, findExecutable, type PlannedProgram } from './process/prepareProcess.ts'
import { applyInherited } from './process/scheduling.ts'

/** Queues masks, the change to the container's root, and the search for the program in it. Of what leads to the host nothing stays open but what the tail needs. */
export function changeRoot(
  { prepared, hostResources, executor }: Making,
  { labels, notify }: SpawnedProcess,
  { root, site, answers }: Contents,
  { record, rlimits }: PlacedOnHost,
): { program: PlannedProgram | undefined; checkPlaces: () => void } {
  const { plan } = prepared
  const { kernel: inside } = executor
  const { protect, env: complete, takeNull } = answers()
  const env = complete?.() // its files are closed below
  if (takeNull) takeNull()()
  protect()
  enterRoot(root, plan, hostResources.sources)
  if (notify && plan.notify) bindNotifySocket(root, notify, plan.notify)
  if (hostResources.console) openTerminal(executor, root, plan, hostResources.console)
  writeSysctls(inside, plan.sysctl)
  applyInherited(inside, plan)
  if (plan.process) enterWorkingDirectory(root, plan.process.cwd)
  const executable = plan.process && findExecutable(inside, plan.process)
  finishRoot(root, plan, site)
  const checkPlaces = root.checkPlaces([...plan.maskedPaths, ...plan.readonlyPaths])
  if (plan.process && record.keyring !== undefined) joinSessionKeyring(inside, record.keyring, labels)
  const lasting = lastingFds(hostResources, plan.hooks).map(fd => executor.passed(fd))
  closeAllBut(executor, [...lasting, ...labelFiles(labels), ...(notify ? [notify] : [])])
  const program = plan.process && { ...plan.process, env: env!, rlimits: rlimits!, executable: executable! }
  return { program, checkPlaces }
}

/** In the container's own root, where the terminal's path is the one that the program will see. */
function openTerminal(executor: Executor, root: ContainerRoot, plan: ContainerPlan, route: ConsoleRoute): void {
  const { terminal, uid } = plan.process!
  const peer = giveTerminal(executor, root, terminal!, uid, route)
  if (isOwn(plan.namespaces, 'mount')) bindConsole(root, peer)
}
