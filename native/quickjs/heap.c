/*
 * The memory of the engine. It begins in the section `.heap` of the executable. The build starts the program once up to
 * the point where its modules are loaded and evaluated, writes this section to a file, and puts the file into the
 * executable: so every start finds the engine ready, at the same addresses, and need not make it again.
 *
 * Blocks have fixed sizes, are cut one after the other, and are kept in lists when they are freed. A run of tsrun lasts
 * some milliseconds, so nothing is ever given back to the kernel; and as a page fault costs more than all of malloc, the
 * pages are asked for together.
 */
#define _GNU_SOURCE
#include "heap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096
/* Has to hold all modules. */
#define FIRST_PIECE (2560 << 10)
#define PIECE (1 << 20)
/* What a run takes in addition to the snapshot. */
#define RUN_SIZE (320 << 10)
#define STEP 16
#define SMALL 1024
/* Above SMALL there are four sizes to each power of two. */
#define CLASSES (SMALL / STEP + 1 + 4 * 40)

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

/* Lies before each block. Blocks are aligned to 16, as everything is that malloc(3) gives. */
struct header {
    size_t size;
    size_t class;
};

struct free_block {
    struct free_block *next;
};

/* Everything that is needed to go on with the heap is in here. */
static struct {
    JSContext *ctx;
    uint8_t *top, *end;
    struct free_block *freed[CLASSES];
    uint8_t first[FIRST_PIECE] __attribute__((aligned(STEP)));
} heap __attribute__((section(".heap"), aligned(PAGE))) = {
    .top = heap.first,
    .end = heap.first + FIRST_PIECE,
};

/* The class of blocks that `size` bytes fit in, and how large these are. */
static size_t class_of(size_t size, size_t *block)
{
    if (size <= SMALL) {
        size_t class = size ? (size - 1) / STEP + 1 : 1;
        *block = class * STEP;
        return class;
    }
    int power = 63 - __builtin_clzl(size - 1);
    size_t quarter = (size_t)1 << (power - 2);
    size_t steps = (size - 1 - ((size_t)1 << power)) / quarter + 1;
    *block = ((size_t)1 << power) + steps * quarter;
    return SMALL / STEP + 4 * (power - 10) + steps;
}

/*
 * Half a program can do harm, and an exception needs memory too: then it is as if it had been killed, which the keeper of
 * a container that is not complete yet takes for the end of it.
 */
_Noreturn void out_of_memory(void)
{
    static const char words[] = "tsrun: there is no memory left for the runtime itself\n";

    ssize_t ignored = write(STDERR_FILENO, words, sizeof(words) - 1);
    (void)ignored;
    _exit(1);
}

static void *cut(size_t size)
{
    if ((size_t)(heap.end - heap.top) < size) {
        size_t piece = size > PIECE ? (size + PAGE - 1) & ~(size_t)(PAGE - 1) : PIECE;
        void *fresh = mmap(NULL, piece, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (fresh == MAP_FAILED)
            out_of_memory();
        heap.top = fresh;
        heap.end = heap.top + piece;
    }
    void *cut = heap.top;
    heap.top += size;
    return cut;
}

static void *heap_malloc(JSMallocState *state, size_t size)
{
    size_t block, class = class_of(size, &block);
    struct free_block *found = heap.freed[class];

    if (state->malloc_size + block > state->malloc_limit)
        return NULL;
    if (found) {
        heap.freed[class] = found->next;
    } else {
        struct header *header = cut(sizeof(*header) + block);
        header->size = block;
        header->class = class;
        found = (void *)(header + 1);
    }
    state->malloc_count++;
    state->malloc_size += block;
    return found;
}

static void heap_free(JSMallocState *state, void *pointer)
{
    if (!pointer)
        return;
    struct header *header = (struct header *)pointer - 1;
    struct free_block *block = pointer;
    block->next = heap.freed[header->class];
    heap.freed[header->class] = block;
    state->malloc_count--;
    state->malloc_size -= header->size;
}

static size_t heap_usable_size(const void *pointer)
{
    return pointer ? ((const struct header *)pointer - 1)->size : 0;
}

static void *heap_realloc(JSMallocState *state, void *pointer, size_t size)
{
    size_t old = heap_usable_size(pointer);

    if (pointer && size && size <= old)
        return pointer;
    void *moved = size ? heap_malloc(state, size) : NULL;
    if (size && !moved)
        return NULL;
    if (moved && pointer)
        memcpy(moved, pointer, old);
    heap_free(state, pointer);
    return moved;
}

const JSMallocFunctions heap_functions = { heap_malloc, heap_free, heap_realloc, heap_usable_size };

JSContext *heap_context(void)
{
    return heap.ctx;
}

int heap_save(const char *path, JSContext *ctx)
{
    /* What lies in another piece would not be there at the start. */
    if (heap.top < heap.first || heap.top > heap.first + FIRST_PIECE) {
        errno = ENOSPC;
        return -1;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    heap.ctx = ctx;
    for (size_t at = 0; fd >= 0 && at < sizeof(heap);) {
        ssize_t written = write(fd, (uint8_t *)&heap + at, sizeof(heap) - at);
        if (written < 0)
            return -1;
        at += written;
    }
    return fd < 0 ? -1 : close(fd);
}

void heap_populate(void)
{
    size_t used = heap.top - (uint8_t *)&heap;
    size_t wanted = used + RUN_SIZE < sizeof(heap) ? used + RUN_SIZE : sizeof(heap);

    /* A kernel before 5.14 does not know this, and faults page by page. */
    madvise(&heap, (wanted + PAGE - 1) & ~(size_t)(PAGE - 1), MADV_POPULATE_WRITE);
}
