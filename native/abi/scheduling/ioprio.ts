// <linux/ioprio.h>. ioprio_set(2).
export const ioPriorityClasses = {
  IOPRIO_CLASS_RT: 1,
  IOPRIO_CLASS_BE: 2,
  IOPRIO_CLASS_IDLE: 3,
} as const

export const IOPRIO_CLASS_SHIFT = 13
export const IOPRIO_WHO_PROCESS = 1
