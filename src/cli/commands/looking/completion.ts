import { bashScript } from '../../line/completion/bash.ts'
import { fishScript } from '../../line/completion/fish.ts'
import { completionModel } from '../../line/completion/model.ts'
import { zshScript } from '../../line/completion/zsh.ts'
import type { Verb } from '../../verb.ts'

const scripts = { bash: bashScript, zsh: zshScript, fish: fishScript }

export const verb: Verb<'completion'> = (runtime, _, [shell]) => {
  runtime.write(scripts[shell as keyof typeof scripts](completionModel()))
}
