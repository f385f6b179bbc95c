// <linux/personality.h>. personality(2). The names are those of config.json, without `PER_`.
export const personalities = {
  LINUX: 0,
  LINUX32: 0x8,
} as const
