/* The program's modules as bytecode of QuickJS, by the name that imports use; ends with an entry without a name. */
#include <stdint.h>

struct module {
    const char *name;
    const uint8_t *bytes;
    uint32_t size;
};

extern const struct module modules[];
