import { expect, test } from 'vitest'
import { missingSchema, planResctrl } from './resctrl.ts'

test('without closID the group is named after the container and its own', () => {
  expect(planResctrl({}, 'web')).toEqual({ group: 'web', own: true, schemata: [], monitoring: undefined })
})

test.each([
  ['gold', { group: 'gold', own: false, monitoring: 'gold/mon_groups/web' }],
  ['/', { group: '', own: false, monitoring: 'mon_groups/web' }],
])('closID %s says which group', (closID, expected) => {
  expect(planResctrl({ closID, enableMonitoring: true }, 'web')).toMatchObject(expected)
})

test('schemata come in the order cache, bandwidth, the rest', () => {
  const rdt = {
    schemata: ['L2:0=3', 'L3CODE:0=1'],
    memBwSchema: 'MB:0=20',
    l3CacheSchema: 'L3:0=f\nMB:0=99\nL3DATA:0=1',
  }
  expect(planResctrl(rdt, 'web').schemata).toEqual(['L3:0=f', 'L3DATA:0=1', 'MB:0=20', 'L2:0=3', 'L3CODE:0=1'])
})

test('without memBwSchema the lines about bandwidth stay', () => {
  expect(planResctrl({ l3CacheSchema: 'L3:0=f\nMB:0=99' }, 'web').schemata).toEqual(['L3:0=f', 'MB:0=99'])
})

const present = '    MB:0= 100;1= 100\n    L3:0=00ff;1=0f\n'

test.each([['L3:0=ff'], ['L3:1=F;0=ff'], ['MB:1=100'], ['L3:0=0ff;1=f', 'MB:0=100;1=100']])(
  'missingSchema() finds %s in the group',
  (...wanted) => {
    expect(missingSchema(wanted, present)).toBeUndefined()
  },
)

test.each(['L3:0=f', 'L3:2=ff', 'MB:0=64', 'L2:0=1', 'nonsense'])('missingSchema() misses %s', line => {
  expect(missingSchema(['L3:0=ff', line], present)).toBe(line)
})
