import type { BlockIo, BlockIoWeight } from '../../../spec/generated/config.ts'
import { ConfigError } from '../../errors.ts'
import { isPositive, type LimitStep } from './step.ts'

const HERE = '/linux/resources/blockIO'

/** The range of weights in config.json, from cgroup version 1, and that of io.weight. */
const MIN_WEIGHT = 10
const MAX_WEIGHT = 1000
const MAX_IO_WEIGHT = 10_000

/** The rates, and what they are called in io.max. */
const RATES = [
  ['throttleReadBpsDevice', 'rbps'],
  ['throttleWriteBpsDevice', 'wbps'],
  ['throttleReadIOPSDevice', 'riops'],
  ['throttleWriteIOPSDevice', 'wiops'],
] as const

/** Steps for config.json#/linux/resources/blockIO, see "IO Interface Files" of cgroup-v2.rst. Errors: ConfigError. */
export function planBlockIo(blockIO: BlockIo): LimitStep[] {
  const { weight, weightDevice = [] } = blockIO
  const general = isPositive(weight) ? [weightStep('', weight, `${HERE}/weight`)] : []
  return [...general, ...weightDevice.flatMap(planDeviceWeight), ...RATES.flatMap(row => planRate(blockIO, row))]
}

function planDeviceWeight({ major, minor, weight, leafWeight }: BlockIoWeight, index: number): LimitStep[] {
  const pointer = `${HERE}/weightDevice/${index}`
  if (weight === undefined && leafWeight === undefined)
    throw new ConfigError('has neither weight nor leafWeight', pointer)
  return isPositive(weight) ? [weightStep(`${major}:${minor} `, weight, `${pointer}/weight`)] : []
}

/** Weights are the scheduler BFQ's if it is there, in its own file, else those of the cost model, on a longer scale. */
function weightStep(device: string, weight: number, pointer: string): LimitStep {
  if (weight < MIN_WEIGHT || weight > MAX_WEIGHT)
    throw new ConfigError(`must be between ${MIN_WEIGHT} and ${MAX_WEIGHT}, is ${weight}`, pointer)
  return {
    file: 'io.bfq.weight',
    value: `${device}${weight}`,
    pointer,
    otherwise: { file: 'io.weight', value: `${device}${ioWeight(weight)}`, pointer },
  }
}

/** From 10..1000 to 1..10000, in a straight line. */
export function ioWeight(weight: number): number {
  return Math.floor(1 + ((weight - MIN_WEIGHT) * (MAX_IO_WEIGHT - 1)) / (MAX_WEIGHT - MIN_WEIGHT))
}

/** One device and one rate at a time: io.max leaves the others as they are. 0 is no limit. */
function planRate(blockIO: BlockIo, [key, name]: (typeof RATES)[number]): LimitStep[] {
  return (blockIO[key] ?? []).map(({ major, minor, rate }, index) => {
    const unlimited = !isPositive(rate)
    return {
      file: 'io.max',
      value: `${major}:${minor} ${name}=${unlimited ? 'max' : rate}`,
      pointer: `${HERE}/${key}/${index}`,
      ...(unlimited && { initial: true, otherwise: 'skip' }),
    }
  })
}
