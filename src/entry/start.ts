// The installed command.
import { extentFor, findKoffi, loadScript, runScript } from './compiled.ts'

const argv = process.argv.slice(2)
const koffi = findKoffi()
const { createNodeHost, main } = runScript(loadScript(koffi, extentFor(argv)), koffi)
const host = createNodeHost(argv, { patienceMs: 10 })
main(host).then(code => host.exit(code))
