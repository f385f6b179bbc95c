import { expect, test } from 'vitest'
import { features } from './features.ts'

test('features() lists words from the tables that the planner uses', () => {
  expect(features()).toMatchObject({
    mountOptions: expect.arrayContaining(['idmap', 'ridmap', 'rro', 'tmpcopyup']),
    linux: { capabilities: expect.arrayContaining(['CAP_CHOWN', 'CAP_CHECKPOINT_RESTORE']) },
  })
})

test('features() is plain JSON with the two versions that are required', () => {
  const printed = JSON.parse(JSON.stringify(features()))
  expect(printed).toEqual(features())
  expect(printed).toMatchObject({ ociVersionMin: '1.0.0', ociVersionMax: '1.3.0' })
})

test('features() lists the flags of seccomp that the kernel knows beside those that are understood', () => {
  const { knownFlags, supportedFlags, archs, operators, actions } = features(flag => flag.endsWith('LOG')).linux!
    .seccomp!
  expect([knownFlags?.length, supportedFlags]).toEqual([4, ['SECCOMP_FILTER_FLAG_LOG']])
  expect([archs?.length, operators?.length, actions?.length]).toEqual([23, 7, 9])
})

test("features() says whether there can be checkpoints, in runc's words", () => {
  expect(features(() => true, false).annotations).toEqual({ 'org.opencontainers.runc.checkpoint.enabled': 'false' })
  expect(features().annotations).toEqual({ 'org.opencontainers.runc.checkpoint.enabled': 'true' })
})
