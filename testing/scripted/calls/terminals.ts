import { O_RDWR } from '../../../native/abi/fcntl.ts'
import { S_IFCHR } from '../../../native/abi/stat.ts'
import { TCGETS, TIOCGPGRP, TIOCGPTPEER, TIOCGWINSZ } from '../../../native/abi/termios.ts'
import { Errno } from '../errno.ts'
import { FileNode } from '../nodes.ts'
import { NodeFile } from '../open.ts'
import type { Implementation } from '../world.ts'

const ENOTTY = 25
const PTY_MAJOR = 136
const QUESTIONS: readonly number[] = [TCGETS, TIOCGPGRP, TIOCGWINSZ]

export const terminalCalls: Readonly<Record<string, Implementation>> = {
  /** The peer of a master is a terminal; others, the standard streams among them, are none. */
  ioctl(call) {
    const file = call.file(0)
    const request = call.unsigned(1)
    if (QUESTIONS.includes(request)) throw new Errno(ENOTTY)
    if (request !== TIOCGPTPEER || !(file instanceof NodeFile)) return 0
    const peer = new FileNode(S_IFCHR, 0o620)
    peer.device = [PTY_MAJOR, 0]
    return call.process.install(new NodeFile(peer, O_RDWR), true)
  },
}
