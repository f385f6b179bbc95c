// <linux/time.h>
export const CLOCK_REALTIME = 0
export const CLOCK_MONOTONIC = 1
export const CLOCK_BOOTTIME = 7
export const ITIMER_REAL = 0
