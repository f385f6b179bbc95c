import type {
  CheckpointOptions,
  CreateOptions,
  ExecOptions,
  OutputOptions,
  RestoreOptions,
  RunOptions,
  RuntimeOptions,
  StdioOptions,
  ValidateOptions,
} from '../options.ts'
import { kinds, oneOf, type Table } from './options.ts'

const { text, flag, count, number, numbers, texts, object, signal, env, encoding, terminal, callback } = kinds

const STDIO: Table<StdioOptions> = { stdin: kinds.input, stdout: kinds.output, stderr: kinds.output, terminal }

export const RUNTIME_OPTIONS: Table<RuntimeOptions> = {
  root: text,
  cgroupManager: oneOf('cgroupfs', 'systemd', 'disabled'),
  rootless: oneOf('auto', 'true', 'false'),
  warn: callback,
}

export const VALIDATE_OPTIONS: Table<ValidateOptions> = { bundle: text, config: object, configFile: text }

export const CREATE_OPTIONS: Table<CreateOptions> = {
  ...STDIO,
  ...VALIDATE_OPTIONS,
  id: text,
  image: text,
  args: texts,
  env,
  cwd: text,
  consoleSocket: text,
  noNewKeyring: flag,
  noPivot: flag,
  signal,
}

export const OUTPUT_OPTIONS: Table<OutputOptions> = { maxOutput: count, encoding }

export const RUN_OPTIONS: Table<RunOptions> = { ...CREATE_OPTIONS, ...OUTPUT_OPTIONS }

export const EXEC_OPTIONS: Table<ExecOptions> = {
  ...STDIO,
  cwd: text,
  env,
  uid: number,
  gid: number,
  additionalGids: numbers,
  noNewPrivileges: flag,
  selinuxLabel: text,
  apparmorProfile: text,
  capabilities: object,
  cgroup: text,
  signal,
}

const CRIU = {
  imagePath: text,
  workPath: text,
  tcpEstablished: flag,
  extUnixSk: flag,
  shellJob: flag,
  fileLocks: flag,
  autoDedup: flag,
  lazyPages: flag,
  emptyNetwork: flag,
  manageCgroupsMode: oneOf('ignore', 'soft', 'full', 'strict'),
  networkLock: oneOf('iptables', 'nftables', 'skip'),
}

export const CHECKPOINT_OPTIONS: Table<CheckpointOptions> = {
  ...CRIU,
  parentPath: text,
  leaveRunning: flag,
  preDump: flag,
  tcpSkipInFlight: flag,
  linkRemap: flag,
  pageServer: object,
}

export const RESTORE_OPTIONS: Table<RestoreOptions> = {
  ...STDIO,
  ...VALIDATE_OPTIONS,
  ...CRIU,
  id: text,
  tcpClose: flag,
  lsmProfile: text,
  lsmMountContext: text,
  noNewKeyring: flag,
  noPivot: flag,
  signal,
}
