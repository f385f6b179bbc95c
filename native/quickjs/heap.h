/* The memory of the engine, part of which comes with the executable. See heap.c. */
#include <stddef.h>
#include "quickjs.h"

extern const JSMallocFunctions heap_functions;

/* The context that lies in the heap of this executable; NULL in the one that makes the snapshot. */
JSContext *heap_context(void);

/* Writes the heap to a file, as the content of the executable's section `.heap`. Returns 0, or -1 with errno. */
int heap_save(const char *path, JSContext *ctx);

/* Makes all pages writable at once that a run is likely to touch. */
void heap_populate(void);

/* Says that there is no memory for the runtime, and ends it. */
_Noreturn void out_of_memory(void);
