import { callNumbers } from '../arch/numbers.ts'
import { Failure } from '../failure.ts'
import { ARENA_ADDRESS, ARENA_FD, ARENA_SIZE, CONTROL_FD, MESSAGE_SIZE } from './protocol.ts'

/** An instruction as bytes with its assembly, a label, or a jump to a label with the bytes before the distance. */
type X86Line =
  | { label: string }
  | { asm: string; bytes: readonly number[] }
  | { asm: string; jump: readonly number[]; to: string; wide?: true }

/** Four bytes, little endian: an immediate operand. */
const imm = (value: number) => [value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, (value >>> 24) & 0xff]

/**
 * The executor for x86-64, one instruction a line; see protocol.ts for what it does. `base` is its first descriptor.
 * Registers: rbx holds the operation. A system call takes rax, rdi, rsi, rdx, r10, r8, r9 and destroys rcx and r11.
 */
export function listing(base: number): X86Line[] {
  const control = base + CONTROL_FD
  return [...mapping(base + ARENA_FD), ...waiting(control), ...operating(), ...answering(control)]
}

function mapping(arena: number): X86Line[] {
  return [
    // mmap(ARENA_ADDRESS, ARENA_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, arena, 0)
    { asm: 'mov eax,0x9', bytes: [0xb8, ...imm(9)] },
    { asm: `mov edi,0x${ARENA_ADDRESS.toString(16)}`, bytes: [0xbf, ...imm(ARENA_ADDRESS)] },
    { asm: `mov esi,0x${ARENA_SIZE.toString(16)}`, bytes: [0xbe, ...imm(ARENA_SIZE)] },
    { asm: 'mov edx,0x3', bytes: [0xba, ...imm(3)] },
    { asm: 'mov r10d,0x11', bytes: [0x41, 0xba, ...imm(0x11)] },
    { asm: `mov r8d,0x${arena.toString(16)}`, bytes: [0x41, 0xb8, ...imm(arena)] },
    { asm: 'xor r9d,r9d', bytes: [0x45, 0x31, 0xc9] },
    { asm: 'syscall', bytes: [0x0f, 0x05] },
  ]
}

function waiting(control: number): X86Line[] {
  return [
    { label: 'wait' }, // read(control, ARENA_ADDRESS, 8)
    { asm: 'xor eax,eax', bytes: [0x31, 0xc0] },
    { asm: `mov edi,0x${control.toString(16)}`, bytes: [0xbf, ...imm(control)] },
    { asm: `mov esi,0x${ARENA_ADDRESS.toString(16)}`, bytes: [0xbe, ...imm(ARENA_ADDRESS)] },
    { asm: `mov edx,0x${MESSAGE_SIZE.toString(16)}`, bytes: [0xba, ...imm(MESSAGE_SIZE)] },
    { asm: 'syscall', bytes: [0x0f, 0x05] },
    { asm: `cmp eax,0x${MESSAGE_SIZE.toString(16)}`, bytes: [0x83, 0xf8, MESSAGE_SIZE] },
    { asm: 'jne exit', jump: [0x0f, 0x85], to: 'exit', wide: true },
    { asm: `mov rbx,ds:0x${ARENA_ADDRESS.toString(16)}`, bytes: [0x48, 0x8b, 0x1c, 0x25, ...imm(ARENA_ADDRESS)] },
  ]
}

/** With this bit set, the argument is where the register points to. */
function indirect(bit: number, register: string, load: readonly number[]): X86Line[] {
  return [
    { asm: `test cl,0x${bit.toString(16)}`, bytes: [0xf6, 0xc1, bit] },
    { asm: `je ${register} is direct`, jump: [0x74], to: `${register} is direct` },
    { asm: `mov ${register},[${register}]`, bytes: load },
    { label: `${register} is direct` },
  ]
}

function operating(): X86Line[] {
  return [
    { label: 'operation' },
    { asm: 'test rbx,rbx', bytes: [0x48, 0x85, 0xdb] },
    { asm: 'je done', jump: [0x0f, 0x84], to: 'done', wide: true },
    { asm: 'mov eax,DWORD PTR [rbx]', bytes: [0x8b, 0x03] },
    { asm: 'mov ecx,DWORD PTR [rbx+0x4]', bytes: [0x8b, 0x4b, 0x04] },
    { asm: 'mov rdi,[rbx+0x8]', bytes: [0x48, 0x8b, 0x7b, 0x08] },
    { asm: 'mov rsi,[rbx+0x10]', bytes: [0x48, 0x8b, 0x73, 0x10] },
    { asm: 'mov rdx,[rbx+0x18]', bytes: [0x48, 0x8b, 0x53, 0x18] },
    { asm: 'mov r10,[rbx+0x20]', bytes: [0x4c, 0x8b, 0x53, 0x20] },
    { asm: 'mov r8,[rbx+0x28]', bytes: [0x4c, 0x8b, 0x43, 0x28] },
    { asm: 'mov r9,[rbx+0x30]', bytes: [0x4c, 0x8b, 0x4b, 0x30] },
    { asm: 'test eax,eax', bytes: [0x85, 0xc0] },
    { asm: 'js load', jump: [0x0f, 0x88], to: 'load', wide: true },
    { asm: 'jrcxz call', jump: [0xe3], to: 'call' },
    ...indirect(0x01, 'rdi', [0x48, 0x8b, 0x3f]),
    ...indirect(0x02, 'rsi', [0x48, 0x8b, 0x36]),
    ...indirect(0x04, 'rdx', [0x48, 0x8b, 0x12]),
    ...indirect(0x08, 'r10', [0x4d, 0x8b, 0x12]),
    ...indirect(0x10, 'r8', [0x4d, 0x8b, 0x00]),
    ...indirect(0x20, 'r9', [0x4d, 0x8b, 0x09]),
    { label: 'call' },
    { asm: 'syscall', bytes: [0x0f, 0x05] },
    { label: 'store' },
    { asm: 'mov [rbx+0x38],rax', bytes: [0x48, 0x89, 0x43, 0x38] },
    { asm: 'mov rcx,[rbx+0x40]', bytes: [0x48, 0x8b, 0x4b, 0x40] },
    { asm: 'jrcxz branch', jump: [0xe3], to: 'branch' },
    { asm: 'mov [rcx],rax', bytes: [0x48, 0x89, 0x01] },
    { label: 'branch' },
    { asm: 'test rax,rax', bytes: [0x48, 0x85, 0xc0] },
    { asm: 'js negative', jump: [0x78], to: 'negative' },
    { asm: 'je zero', jump: [0x74], to: 'zero' },
    { asm: 'mov rbx,[rbx+0x48]', bytes: [0x48, 0x8b, 0x5b, 0x48] },
    { asm: 'jmp operation', jump: [0xe9], to: 'operation', wide: true },
    { label: 'negative' }, // openat2 that says EAGAIN: the planner is told, and asks again
    { asm: 'cmp eax,0xfffffff5', bytes: [0x83, 0xf8, 0xf5] },
    { asm: 'jne refused', jump: [0x75], to: 'refused' },
    { asm: 'cmp DWORD PTR [rbx],0x1b5', bytes: [0x81, 0x3b, ...imm(callNumbers.x86_64.openat2)] },
    { asm: 'je done', jump: [0x74], to: 'done' },
    { label: 'refused' },
    { asm: 'mov rbx,[rbx+0x50]', bytes: [0x48, 0x8b, 0x5b, 0x50] },
    { asm: 'jmp operation', jump: [0xe9], to: 'operation', wide: true },
    { label: 'zero' },
    { asm: 'mov rbx,[rbx+0x58]', bytes: [0x48, 0x8b, 0x5b, 0x58] },
    { asm: 'jmp operation', jump: [0xe9], to: 'operation', wide: true },
    { label: 'load' },
    { asm: 'mov rax,[rdi]', bytes: [0x48, 0x8b, 0x07] },
    { asm: 'jmp store', jump: [0xeb], to: 'store' },
  ]
}

function answering(control: number): X86Line[] {
  return [
    { label: 'done' }, // write(control, ARENA_ADDRESS, 8)
    { asm: 'mov eax,0x1', bytes: [0xb8, ...imm(1)] },
    { asm: `mov edi,0x${control.toString(16)}`, bytes: [0xbf, ...imm(control)] },
    { asm: `mov esi,0x${ARENA_ADDRESS.toString(16)}`, bytes: [0xbe, ...imm(ARENA_ADDRESS)] },
    { asm: `mov edx,0x${MESSAGE_SIZE.toString(16)}`, bytes: [0xba, ...imm(MESSAGE_SIZE)] },
    { asm: 'syscall', bytes: [0x0f, 0x05] },
    { asm: `cmp eax,0x${MESSAGE_SIZE.toString(16)}`, bytes: [0x83, 0xf8, MESSAGE_SIZE] },
    { asm: 'je wait', jump: [0x0f, 0x84], to: 'wait', wide: true }, // else whoever waits for the answer must not wait on
    { label: 'exit' }, // exit_group(127)
    { asm: 'mov eax,0xe7', bytes: [0xb8, ...imm(231)] },
    { asm: 'mov edi,0x7f', bytes: [0xbf, ...imm(127)] },
    { asm: 'syscall', bytes: [0x0f, 0x05] },
  ]
}

const sizeOf = (line: X86Line) =>
  'label' in line ? 0 : 'bytes' in line ? line.bytes.length : line.jump.length + (line.wide ? 4 : 1)

/** The machine code of the executor whose descriptors start at `base`. */
export function assemble(base: number): Uint8Array {
  const lines = listing(base)
  const labels = new Map<string, number>()
  let size = 0
  for (const line of lines) {
    if ('label' in line) labels.set(line.label, size)
    size += sizeOf(line)
  }
  const code: number[] = []
  for (const line of lines) {
    if ('label' in line) continue
    if ('bytes' in line) code.push(...line.bytes)
    else {
      const distance = labels.get(line.to)! - (code.length + sizeOf(line))
      if (!line.wide && Math.abs(distance) > 127) throw new Failure(`\`${line.asm}\` is too far for a short jump`)
      code.push(...line.jump, ...(line.wide ? imm(distance) : [distance & 0xff]))
    }
  }
  return Uint8Array.from(code)
}
