import { createQuickjsHost } from '../../native/hosts/quickjs.ts'
import { main } from '../main.ts'

const host = createQuickjsHost()
host.exit(await main(host))
