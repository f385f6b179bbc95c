import { type DeviceRuleInput, planDeviceRules } from '../devices/deviceRules.ts'
import { deviceProperties } from './deviceProperties.ts'
import type { Property } from './property.ts'

/**
 * Properties that replace the rules for devices of a unit that exists. DeviceAllow adds to what is there, and an empty
 * list clears it. Errors: ConfigError for a rule that makes no sense.
 */
export function replacedDeviceProperties(rules: readonly DeviceRuleInput[] | undefined): Property[] {
  const wanted = deviceProperties(planDeviceRules(rules))
  const cleared: Property = { name: 'DeviceAllow', variant: { signature: 'a(ss)', value: [] } }
  if (wanted.length > 0) return [cleared, ...wanted]
  return [{ name: 'DevicePolicy', variant: { signature: 's', value: 'auto' } }, cleared]
}
