/*
 * Runs training.js in the engine, for a compiler that counts what is executed. Memory lies at fixed addresses and is never
 * given back, so that each run is the same: two builds are to give one file.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "quickjs.h"

/* Since glibc 2.38 what is compiled for it, as libgcov is, calls strtol() by another name, which musl does not have. */
#ifndef __GLIBC__
long __isoc23_strtol(const char *text, char **end, int base)
{
    return strtol(text, end, base);
}
#endif

static uint8_t memory[256 << 20] __attribute__((aligned(16)));
static size_t used;

/* The size lies before each block. */
static void *train_malloc(JSMallocState *state, size_t size)
{
    size_t block = (size + 31) & ~(size_t)15;
    uint8_t *at = memory + used;

    if (block > sizeof(memory) - used)
        return NULL;
    used += block;
    *(size_t *)at = block - 16;
    return at + 16;
}

static void train_free(JSMallocState *state, void *pointer)
{
}

static size_t train_size(const void *pointer)
{
    return pointer ? *(const size_t *)((const uint8_t *)pointer - 16) : 0;
}

static void *train_realloc(JSMallocState *state, void *pointer, size_t size)
{
    void *moved = size ? train_malloc(state, size) : NULL;
    size_t old = train_size(pointer);

    if (moved && pointer)
        memcpy(moved, pointer, old < size ? old : size);
    return moved;
}

int main(int argc, char **argv)
{
    static const JSMallocFunctions functions = { train_malloc, train_free, train_realloc, train_size };
    static char source[1 << 20];
    FILE *file = argc == 2 ? fopen(argv[1], "r") : NULL;
    size_t size = file ? fread(source, 1, sizeof(source) - 1, file) : 0;
    JSRuntime *runtime = JS_NewRuntime2(&functions, NULL);
    JSContext *ctx = JS_NewContext(runtime), *job;
    JSValue result = JS_Eval(ctx, source, size, "training.js", JS_EVAL_TYPE_GLOBAL);
    JSValue thrown = JS_IsException(result) ? JS_GetException(ctx) : JS_UNDEFINED;

    while (JS_ExecutePendingJob(runtime, &job) > 0)
        ;
    if (size == 0 || !JS_IsUndefined(thrown)) {
        fprintf(stderr, "training: %s\n", size ? JS_ToCString(ctx, thrown) : "there is no program");
        return 1;
    }
    return 0;
}
