import { executorImage } from '../../native/executor/launch.ts'
import { checkConfig } from '../config/checks.ts'
import { parseConfig } from '../config/load.ts'
import { specTemplate } from '../config/template.ts'
import { refuseUnsupported } from '../config/unsupported.ts'
import { planContainer } from '../plan/container.ts'
import { deviceProgram } from '../plan/deviceProgram.ts'
import { planDeviceRules } from '../plan/deviceRules.ts'

/**
 * Does once, on the standard configuration, what every container needs and no kernel. An engine makes many things when
 * they are used for the first time (built-in functions, shapes of objects, atoms of names), and a snapshot of its heap
 * that was taken afterwards has them.
 */
export function rehearse(): void {
  const config = parseConfig(JSON.stringify(specTemplate()))
  checkConfig(config)
  refuseUnsupported(config)
  const facts = { id: 'x', bundle: '/', noPivot: false, listenFds: 0, inUserNamespace: false, capMknod: true }
  const plan = planContainer(config, facts)
  deviceProgram(planDeviceRules(plan.deviceRules))
  executorImage('x86_64', 3)
}
