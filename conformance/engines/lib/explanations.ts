// Why cases fail, where more than one does for the same reason.

export const POD_CGROUP =
  "podman 4.3 gives the pod's cgroup a device filter that allows nothing, whatever the runtime; `pod create --share-parent=false` does without that cgroup"
