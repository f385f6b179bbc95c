import type { Memory } from '../../native/host.ts'
import { decode } from '../../native/utf8.ts'
import { EFAULT, Errno } from './errno.ts'

const FIRST_ADDRESS = 0x7f00_0000_0000
const PAGE = 4096

const pool = new Map<number, ArrayBuffer[]>()

/** A zeroed buffer from those that were given back: the garbage collector is slow with thousands of arenas. */
export function largeBuffer(size: number): ArrayBuffer {
  return pool.get(size)?.pop() ?? new ArrayBuffer(size)
}

export function giveBack(buffer: ArrayBuffer): void {
  new Uint8Array(buffer).fill(0)
  pool.set(buffer.byteLength, [...(pool.get(buffer.byteLength) ?? []), buffer])
}

/** The memory of a process: buffers at addresses that are made up. Two processes that share one buffer share memory. */
export class AddressSpace {
  #regions: Memory[]
  #next = FIRST_ADDRESS

  constructor(regions: readonly Memory[] = []) {
    this.#regions = [...regions]
  }

  /** Makes `bytes` visible at `address`, by default at one that is free. */
  map(bytes: Uint8Array, address = this.#next): Memory {
    if (address === this.#next) this.#next += Math.ceil(bytes.length / PAGE + 1) * PAGE
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    const memory = { bytes, view, address }
    this.#regions.push(memory)
    return memory
  }

  unmap(memory: Memory): void {
    this.#regions = this.#regions.filter(region => region !== memory)
  }

  /** What fork(2) with shared mappings gives. */
  copy(): AddressSpace {
    return new AddressSpace(this.#regions)
  }

  /** `size` bytes at `address`, to be read and written. Errors: EFAULT. */
  at(address: number, size: number): Uint8Array {
    for (const { bytes, address: start } of this.#regions)
      if (address >= start && address + size <= start + bytes.length)
        return bytes.subarray(address - start, address - start + size)
    throw new Errno(EFAULT)
  }

  view(address: number, size: number): DataView {
    const bytes = this.at(address, size)
    return new DataView(bytes.buffer, bytes.byteOffset, size)
  }

  /** The NUL-terminated string at `address`. */
  text(address: number): string {
    for (const { bytes, address: start } of this.#regions)
      if (address >= start && address < start + bytes.length)
        return decode(bytes.subarray(address - start, bytes.indexOf(0, address - start)))
    throw new Errno(EFAULT)
  }

  /** The strings that a null-terminated array of pointers points to. */
  texts(address: number): string[] {
    const texts: string[] = []
    for (let at = address; ; at += 8) {
      const pointer = Number(this.view(at, 8).getBigUint64(0, true))
      if (pointer === 0) return texts
      texts.push(this.text(pointer))
    }
  }
}
