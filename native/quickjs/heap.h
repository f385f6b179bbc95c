/* The memory of the engine, part of which comes with the executable. See heap.c. */
#include <stddef.h>
#include "quickjs.h"

extern const JSMallocFunctions heap_functions;

/* The context that lies in the heap of this executable; NULL in the one that makes the snapshot. */
JSContext *heap_context(void);

/* Writes the contents of the executable's sections `.heap` and `.small` to files. Returns 0, or -1 with errno. */
int heap_save(const char *heap_path, const char *small_path, JSContext *ctx);

/* Brings the part of the heap into place that does not lie where it is needed. To be called first of all. */
void heap_load(void);

/* Says that there is no memory for the runtime, and ends it. */
_Noreturn void out_of_memory(void);
