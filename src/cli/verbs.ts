import type { Runtime } from '../runtime.ts'
import type { CommandName } from './line/options.ts'

/** The file of a verb, which is loaded when its command is called. */
type LoadVerb = () => Promise<{
  readonly verb: (runtime: Runtime, options: never, words: readonly string[]) => unknown
}>

/** What commands do. `help` is answered from the table of commands. */
export const verbs: Readonly<Record<Exclude<CommandName, 'help'>, LoadVerb>> = {
  create: () => import('./commands/create.ts'),
  start: () => import('./commands/start.ts'),
  run: () => import('./commands/run.ts'),
  exec: () => import('./commands/exec.ts'),
  state: () => import('./commands/looking/state.ts'),
  kill: () => import('./commands/kill.ts'),
  delete: () => import('./commands/delete.ts'),
  pause: () => import('./commands/pause.ts'),
  resume: () => import('./commands/resume.ts'),
  update: () => import('./commands/update.ts'),
  checkpoint: () => import('./commands/checkpoint.ts'),
  restore: () => import('./commands/restore.ts'),
  mounts: () => import('./commands/mounts.ts'),
  ps: () => import('./commands/looking/ps.ts'),
  events: () => import('./commands/looking/events.ts'),
  wait: () => import('./commands/looking/wait.ts'),
  inspect: () => import('./commands/looking/inspect.ts'),
  list: () => import('./commands/looking/list.ts'),
  gc: () => import('./commands/looking/gc.ts'),
  doctor: () => import('./commands/looking/doctor.ts'),
  validate: () => import('./commands/looking/validate.ts'),
  plan: () => import('./commands/looking/plan.ts'),
  seccomp: () => import('./commands/looking/seccomp.ts'),
  completion: () => import('./commands/looking/completion.ts'),
  spec: () => import('./commands/looking/spec.ts'),
  features: () => import('./commands/looking/features.ts'),
}
