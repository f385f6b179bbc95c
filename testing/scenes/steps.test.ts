import { expect, test } from 'vitest'
import { createContainer } from '../../src/container/create.ts'
import { startContainer } from '../../src/container/start.ts'
import { stepsFor } from '../../src/diagnose/plan.ts'
import { stepText } from '../../src/plan/steps/step.ts'
import { callTexts } from './calls.scene.ts'
import { ID, type SceneVariant, scene, variants } from './faults.scene.ts'
import { machinery, performances } from './steps.scene.ts'

/** Takes the first call of this pattern out of `calls`. False when there is none. */
function take(calls: string[], pattern: string): boolean {
  const at = calls.findIndex(text => new RegExp(`^(${pattern})$`).test(text))
  if (at >= 0) calls.splice(at, 1)
  return at >= 0
}

/** The steps that `tsrun plan` tells, and the calls of create and start. */
function record(variant: SceneVariant) {
  using one = scene(variant)
  const { runtime, host } = one
  const { steps } = stepsFor(runtime, { bundle: '/bundle', id: ID })
  const before = host.world.log.length
  createContainer(runtime, { id: ID, bundle: '/bundle', consoleSocket: variant.consoleSocket })
  startContainer(runtime, ID)
  return { steps, calls: callTexts(host.world.log.slice(before), '/bundle/rootfs') }
}

test.each(variants)('$name: each step is done, and each call belongs to a step', variant => {
  const { steps, calls } = record(variant)
  const all = [
    ...steps.map(step => [stepText(step), performances[step.action]!(step)] as const),
    ['the executor', machinery] as const,
  ]
  // What has to be there comes before what may be: the same text may be both.
  const undone = all.flatMap(([told, { does }]) =>
    does.filter(pattern => !take(calls, pattern)).map(pattern => `${told}: ${pattern}`),
  )
  for (const [, { may = [] }] of all) for (const pattern of may) take(calls, pattern)
  for (const [, { any = [] }] of all) for (const pattern of any) while (take(calls, pattern));
  expect({ undone, untold: calls }).toEqual({ undone: [], untold: [] })
})
