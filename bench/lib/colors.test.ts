import { expect, test } from 'vitest'
import { chartColors } from './colors.ts'

const peer = (name: string) => ({ name, label: name, kind: 'peer' as const })

test('chartColors() gives versions of a program different shades', () => {
  const colors = chartColors(['tsrun', 'crun-1.28', 'crun-1.8.1', 'runc-1.3.6'].map(peer))
  expect(new Set(colors.values()).size).toBe(4)
  expect(colors.get('tsrun')).toBe('#0b57d0')
})

test('chartColors() keeps programs apart that it does not know', () => {
  const colors = chartColors(['youki', 'runsc'].map(peer))
  expect(colors.get('youki')).not.toBe(colors.get('runsc'))
})
