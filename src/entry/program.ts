// What is in program.js: the whole command but for its start (see compiled.ts).
export { createNodeHost } from '../../native/hosts/node.ts'
export { main } from '../main.ts'
