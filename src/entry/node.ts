import { createNodeHost } from '../../native/hosts/node.ts'
import { main } from '../main.ts'

process.exitCode = await main(createNodeHost(process.argv.slice(2)))
