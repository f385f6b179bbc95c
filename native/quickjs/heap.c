/*
 * The memory of the engine. The build starts the program once up to the point where its modules are loaded and evaluated,
 * writes the memory to files, and puts these into the executable: so every start finds the engine ready, at the same
 * addresses, and need not make it again.
 *
 * Blocks have fixed sizes, are cut one after the other, and are kept in lists when they are freed. A run of tsrun lasts
 * some milliseconds, so nothing is ever given back to the kernel. What costs time is the pages, so there are two areas.
 * Objects, whose counts of references change all the time, are small: they lie together in one huge page, where the
 * kernel has those, and are copied there at the start. Code is large, and only its counts of references are written: it
 * stays in the executable's pages. A fifth of these are written to in a run; to have all of them copied at once takes less
 * than that many faults, of which one takes 10 us in a virtual machine.
 */
#define _GNU_SOURCE
#include "heap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

/* The largest page that a kernel of the machine may have. */
#ifdef __aarch64__
#define PAGE (64 << 10)
#else
#define PAGE 4096
#endif
#define HUGE_PAGE (2 << 20)
/* Each has to hold its part of all modules. */
#define SMALL_SNAPSHOT (1824 << 10)
#define LARGE_SNAPSHOT (640 << 10)
/* What an area gets when it has no room: the first piece, and the others, huge pages where the kernel has those. */
#define FIRST_PIECE (256 << 10)
#define PIECE HUGE_PAGE
/* What a run takes in addition to the snapshot. */
#define RUN_SMALL (224 << 10)
#define RUN_LARGE (64 << 10)
/*
 * So much of the snapshot is mapped at a time while it is copied: more than the 33 pages that the kernel forgets one by one,
 * which takes 2 us for each in a virtual machine.
 */
#define CHUNK (256 << 10)
#define STEP 8
#define SMALL 512
/* Above EXACT there are four sizes to each power of two. */
#define EXACT 1024
#define CLASSES (EXACT / STEP + 1 + 4 * 40)

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

/*
 * For AddressSanitizer everything is poisoned that is not in a block in use, headers too: these lie between the blocks.
 * Not before the heap is loaded, though: all of it is written to the snapshot.
 */
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define SEES_HEADERS __attribute__((no_sanitize("address")))
static int loaded;
#define poison(from, size) (loaded ? ASAN_POISON_MEMORY_REGION(from, size) : (void)0)
#define unpoison(from, size) ASAN_UNPOISON_MEMORY_REGION(from, size)
#else
#define SEES_HEADERS
#define poison(from, size) ((void)0)
#define unpoison(from, size) ((void)0)
#endif

/* Lies before each block. Blocks are aligned to 8, which is all that the engine needs. */
struct header {
    uint32_t class;
    uint32_t size; /* in steps */
};

struct free_block {
    struct free_block *next;
};

/* Where blocks are cut from. */
struct area {
    uint8_t *top, *end;
    size_t piece; /* how much it gets next */
};

static uint8_t small[HUGE_PAGE] __attribute__((aligned(HUGE_PAGE)));

/* What `small` begins with; empty in the program that makes the snapshot. */
static const volatile uint8_t small_snapshot[SMALL_SNAPSHOT] __attribute__((section(".small"), aligned(PAGE))) = { 0 };

/* Everything else that is needed to go on with the heap. */
static struct {
    JSContext *ctx;
    struct area small, large;
    struct free_block *freed[CLASSES];
    uint8_t first[LARGE_SNAPSHOT] __attribute__((aligned(STEP)));
} heap __attribute__((section(".heap"), aligned(PAGE))) = {
    .small = { small, small + sizeof(small), FIRST_PIECE },
    .large = { heap.first, heap.first + LARGE_SNAPSHOT, FIRST_PIECE },
};

/* The class of blocks that `size` bytes fit in, and how large these are. */
static size_t class_of(size_t size, size_t *block)
{
    if (size <= EXACT) {
        size_t class = size ? (size - 1) / STEP + 1 : 1;
        *block = class * STEP;
        return class;
    }
    int power = 63 - __builtin_clzl(size - 1);
    size_t quarter = (size_t)1 << (power - 2);
    size_t steps = (size - 1 - ((size_t)1 << power)) / quarter + 1;
    *block = ((size_t)1 << power) + steps * quarter;
    return EXACT / STEP + 4 * (power - 10) + steps;
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

static void *cut(struct area *area, size_t size)
{
    if ((size_t)(area->end - area->top) < size) {
        size_t piece = size > area->piece ? (size + PAGE - 1) & ~(size_t)(PAGE - 1) : area->piece;
        void *fresh = mmap(NULL, piece, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (fresh == MAP_FAILED)
            out_of_memory();
        if (piece >= HUGE_PAGE)
            madvise(fresh, piece, MADV_HUGEPAGE); /* who needs more than a first piece needs much: each page costs a fault */
        area->piece = PIECE;
        area->top = fresh;
        area->end = area->top + piece;
        poison(fresh, piece);
    }
    void *cut = area->top;
    area->top += size;
    return cut;
}

SEES_HEADERS static void *heap_malloc(JSMallocState *state, size_t size)
{
    size_t block, class = class_of(size, &block);
    struct free_block *found = heap.freed[class];

    if (state->malloc_size + block > state->malloc_limit)
        return NULL;
    if (found) {
        unpoison(found, block);
        heap.freed[class] = found->next;
    } else {
        struct header *header = cut(block <= SMALL ? &heap.small : &heap.large, sizeof(*header) + block);
        header->class = class;
        header->size = block / STEP;
        found = (void *)(header + 1);
        unpoison(found, block);
    }
    state->malloc_count++;
    state->malloc_size += block;
    return found;
}

SEES_HEADERS static size_t heap_usable_size(const void *pointer)
{
    return pointer ? (size_t)((const struct header *)pointer - 1)->size * STEP : 0;
}

SEES_HEADERS static void heap_free(JSMallocState *state, void *pointer)
{
    if (!pointer)
        return;
    const struct header *header = (struct header *)pointer - 1;
    struct free_block *block = pointer;
    block->next = heap.freed[header->class];
    heap.freed[header->class] = block;
    state->malloc_count--;
    state->malloc_size -= heap_usable_size(pointer);
    poison(pointer, heap_usable_size(pointer));
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

static int save(const char *path, const void *from, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    for (size_t at = 0; fd >= 0 && at < size;) {
        ssize_t written = write(fd, (const uint8_t *)from + at, size - at);
        if (written < 0)
            return -1;
        at += written;
    }
    return fd < 0 ? -1 : close(fd);
}

static int is_in(const struct area *area, const uint8_t *first, size_t size)
{
    return area->top >= first && area->top <= first + size;
}

int heap_save(const char *heap_path, const char *small_path, JSContext *ctx)
{
    /* What lies elsewhere would not be there at the start. */
    if (!is_in(&heap.small, small, SMALL_SNAPSHOT) || !is_in(&heap.large, heap.first, LARGE_SNAPSHOT)) {
        errno = ENOSPC;
        return -1;
    }
    heap.ctx = ctx;
    return save(heap_path, &heap, sizeof(heap)) < 0 ? -1 : save(small_path, small, SMALL_SNAPSHOT);
}

static void populate(const uint8_t *from, const uint8_t *to)
{
    uintptr_t start = (uintptr_t)from & ~(uintptr_t)(PAGE - 1);
    uintptr_t end = ((uintptr_t)to + PAGE - 1) & ~(uintptr_t)(PAGE - 1);

    /* A kernel before 5.14 does not know this, and faults page by page. */
    madvise((void *)start, end - start, MADV_POPULATE_WRITE);
}

#ifdef __SANITIZE_ADDRESS__
static void poison_area(const struct area *area, const uint8_t *first)
{
    for (const uint8_t *at = first; at < area->top;) {
        const struct header *header = (const void *)at;
        at += sizeof(*header) + (size_t)header->size * STEP;
        poison(header, sizeof(*header));
    }
    poison(area->top, area->end - area->top);
}

static void poison_freed(void)
{
    for (size_t class = 0; class < CLASSES; class++) {
        for (struct free_block *block = heap.freed[class], *next; block; block = next) {
            next = block->next;
            poison(block, heap_usable_size(block));
        }
    }
}

/* From now on, too: see `poison`. */
static void poison_unused(void)
{
    loaded = 1;
    poison_freed();
    poison_area(&heap.small, small);
    poison_area(&heap.large, heap.first);
}
#else
static void poison_unused(void)
{
}
#endif

/*
 * Has the kernel copy, which has one large mapping of all memory. Ours of the executable has a small page for each 4 KiB, and
 * to look up that many for the first time takes longer than the copy itself, above all in a virtual machine. What is copied
 * need not stay mapped.
 */
static void copy_snapshot(uint8_t *to, const uint8_t *from, size_t size)
{
    pid_t self = getpid();

    for (size_t at = 0; at < size; at += CHUNK) {
        size_t length = size - at < CHUNK ? size - at : CHUNK;
        struct iovec local = { to + at, length }, remote = { (void *)(from + at), length };
        if (process_vm_readv(self, &local, 1, &remote, 1, 0) != (ssize_t)length)
            memcpy(to + at, from + at, length); /* the call is denied, or is none that this kernel has */
        madvise((void *)(from + at), length & ~(size_t)(PAGE - 1), MADV_DONTNEED);
    }
}

void heap_load(void)
{
    /* Refused by a kernel without huge pages. */
    madvise(small, sizeof(small), MADV_HUGEPAGE);
    populate(small, heap.small.top + RUN_SMALL);
    populate(heap.first, heap.large.top + RUN_LARGE);
    copy_snapshot(small, (const uint8_t *)small_snapshot, heap.small.top - small);
    poison_unused();
}
