// The installed command.
import { architecture, FOREIGN } from '../../native/arch/architecture.ts'
import { whyNoBinary } from './binary.ts'
import { extentFor, findKoffi, loadScript, runScript } from './compiled.ts'

if (architecture === undefined) {
  console.error(`tsrun: ${FOREIGN}`)
  process.exit(1)
}

const argv = process.argv.slice(2)
const koffi = findKoffi()
const { createNodeHost, main } = runScript(loadScript(koffi, extentFor(argv)), koffi)
const host = createNodeHost(argv, { patienceMs: 10, noBinary: whyNoBinary })
main(host).then(code => host.exit(code))
