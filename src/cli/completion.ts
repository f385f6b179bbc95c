import type { Verb } from './commands.ts'
import { bashScript } from './completion/bash.ts'
import { fishScript } from './completion/fish.ts'
import { completionModel } from './completion/model.ts'
import { zshScript } from './completion/zsh.ts'

const scripts = { bash: bashScript, zsh: zshScript, fish: fishScript }

export const verb: Verb<'completion'> = (runtime, _, [shell]) => {
  runtime.write(scripts[shell as keyof typeof scripts](completionModel()))
}
