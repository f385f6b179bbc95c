import { type DoctorCheck, ok, warning } from './checkResult.ts'

const AREA = 'tsrun'

/** What runs this program: what Node.js takes to start is in every command. */
export const checkEngine: DoctorCheck = ({ host: { engine, noBinary } }) => {
  if (noBinary === undefined) return [ok(AREA, `the program runs on ${engine}`)]
  const text = `the program runs on ${engine}, which takes 30 ms longer to start than the static binary: ${noBinary}`
  return [warning(AREA, text, 'get what is missing, then build or install tsrun again')]
}
