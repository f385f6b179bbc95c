import { expect, test } from 'vitest'
import { helpText, parseOptions } from './options.ts'

test('parseOptions() splits lists and collects every --runtime', () => {
  const args = ['--only', 'run,exec', '--runtime', 'youki=/bin/youki', '--runtime', 'runsc=/bin/runsc --network=none']
  const options = parseOptions([...args, '--alive', '0,50', '--without', 'crun-1.8.1'])
  expect(options.only).toEqual(['run', 'exec'])
  expect(options.others).toEqual(['youki=/bin/youki', 'runsc=/bin/runsc --network=none'])
  expect(options.alive).toEqual([0, 50])
  expect(options.without).toEqual(['crun-1.8.1'])
})

test('parseOptions() makes paths absolute', () => {
  expect(parseOptions(['--results', 'out']).results).toBe(`${process.cwd()}/out`)
  expect(parseOptions([]).results).toMatch(/\/bench\/results$/)
})

test('parseOptions() measures at least one round', () => {
  expect(parseOptions(['--rounds', '0']).rounds).toBe(1)
  expect(parseOptions([]).rounds).toBeUndefined()
})

test('parseOptions() refuses what it does not know', () => {
  expect(() => parseOptions(['--fast'])).toThrow('--fast')
  expect(() => parseOptions(['--rounds', 'many'])).toThrow('`many`: not a number')
})

test('helpText() has every option and every point', () => {
  const text = helpText([{ name: 'run', summary: 'single runs' }])
  expect(text).toMatch(/^ {2}--newer DIR +newer crun and runc/m)
  expect(text).toMatch(/^ {2}run +single runs$/m)
})
