// The command from source.
import { createNodeHost } from '../../native/hosts/node.ts'
import { main } from '../main.ts'

const host = createNodeHost(process.argv.slice(2))
host.exit(await main(host))
