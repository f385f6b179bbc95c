/* What makes a snapshot the same each time it is made. See fixed.c. */

/* Calls `function` on a stack that is always at the same address. Returns what it returns, or -1 with errno. */
int on_fixed_stack(int (*function)(void *), void *argument);
