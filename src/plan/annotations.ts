/** What engines and images say besides. */
export type Annotations = Readonly<Record<string, string>> | undefined

/** crun's annotation for the groups of the caller, which podman's `--group-add keep-groups` asks for. */
const KEEP_GROUPS = 'run.oci.keep_original_groups'

/**
 * Does the program keep the supplementary groups of the caller, instead of process.user.additionalGids? Groups that a user
 * namespace does not map can be had in no other way.
 */
export function keepsOriginalGroups(annotations: Annotations): boolean {
  return (annotations?.[KEEP_GROUPS] ?? '0') !== '0'
}

/** crun's annotations for what hooks print: paths of files on the host. */
export const hookFileAnnotations = { stdout: 'run.oci.hooks.stdout', stderr: 'run.oci.hooks.stderr' } as const
