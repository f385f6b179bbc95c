/*
 * QuickJS as a host for tsrun: what native/host.ts asks of an engine, and nothing else. The program's modules come as
 * bytecode in a table that scripts/buildStatic.ts generates. Nothing here knows what a container is.
 *
 * JavaScript finds the functions on the global object `quickjs`; native/hosts/quickjs.ts gives them their types.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixed.h"
#include "heap.h"
#include "modules.h"
#include "streams.h"

extern char **environ;

#ifdef FINDINGS
/* Standard error may be the container's, and is read by nobody. Memory is given back by the end of the process. */
const char *__asan_default_options(void)
{
    return "detect_leaks=0:log_path=" FINDINGS;
}
#endif

#if defined(__x86_64__)
#define MACHINE "x86_64"
#elif defined(__aarch64__)
#define MACHINE "aarch64"
/*
 * clone(CLONE_VM | CLONE_VFORK | SIGCHLD, 0): what vfork(2) is, which this machine does not have; musl's function of that name
 * is a fork(2) there. It returns twice, so it may have nothing on the stack. Returns the pid, 0 in the child, or -errno.
 */
pid_t share_and_wait(void) __attribute__((returns_twice));
__asm__(".text\n.global share_and_wait\n.type share_and_wait, %function\nshare_and_wait:\n"
        "mov x8, #220\nmov x0, #0x4111\nmov x1, #0\nsvc #0\nret\n");
#define vfork share_and_wait
#else
#error "there is no executor for this machine: see native/executor"
#endif

#define SYSCALL_ARGUMENTS 6
/* Cycles are looked for when this much is in use, which a command that ends soon never reaches. */
#define GC_THRESHOLD (32 << 20)

/* A number that may be a BigInt, as a register holds it. */
static int get_word(JSContext *ctx, JSValueConst value, int64_t *word)
{
    return JS_ToInt64Ext(ctx, word, value);
}

/* syscall(number, args: (number | bigint)[]): number, an error is -errno. */
static JSValue host_syscall(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv)
{
    int64_t number, words[SYSCALL_ARGUMENTS] = { 0 };

    if (get_word(ctx, argv[0], &number))
        return JS_EXCEPTION;
    for (uint32_t i = 0; i < SYSCALL_ARGUMENTS; i++) {
        JSValue value = JS_GetPropertyUint32(ctx, argv[1], i);
        if (JS_IsUndefined(value))
            break;
        int failed = get_word(ctx, value, &words[i]);
        JS_FreeValue(ctx, value);
        if (failed)
            return JS_EXCEPTION;
    }
    long result = syscall(number, words[0], words[1], words[2], words[3], words[4], words[5]);
    return JS_NewInt64(ctx, result == -1 ? -errno : result);
}

/* syscallAt(number, address of six words): number, an error is -errno. */
static JSValue host_syscall_at(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv)
{
    int64_t number, address;

    if (get_word(ctx, argv[0], &number) || get_word(ctx, argv[1], &address))
        return JS_EXCEPTION;
    const int64_t *words = (const int64_t *)(uintptr_t)address;
    long result = syscall(number, words[0], words[1], words[2], words[3], words[4], words[5]);
    return JS_NewInt64(ctx, result == -1 ? -errno : result);
}

/* map(fd, size): a shared mapping of a memfd, or private memory when fd is -1. An error is -errno. */
static JSValue host_map(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv)
{
    int32_t fd;
    int64_t size;

    if (JS_ToInt32(ctx, &fd, argv[0]) || JS_ToInt64(ctx, &size, argv[1]))
        return JS_EXCEPTION;
    int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
    void *address = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);
    if (address == MAP_FAILED && fd < 0)
        out_of_memory(); /* our own, and without it not even an error can be written */
    if (address == MAP_FAILED)
        return JS_NewInt32(ctx, -errno);
    JSValue memory = JS_NewObject(ctx);
    JS_SetPropertyStr(ctx, memory, "buffer", JS_NewArrayBuffer(ctx, address, size, NULL, NULL, 0));
    JS_SetPropertyStr(ctx, memory, "address", JS_NewInt64(ctx, (int64_t)(uintptr_t)address));
    return memory;
}

/* What vfork(2) leaves to the child: the parent's memory, so nothing here may allocate or return. */
static void become(const char *file, char *const *argv, char *const *env, const int32_t *descriptors, int32_t count,
                   const char *directory)
{
    const struct sigaction by_default = { .sa_handler = SIG_DFL };
    sigset_t none;

    for (int signal = 1; signal < NSIG; signal++)
        sigaction(signal, &by_default, NULL);
    for (int32_t to = 0; to < count; to++) {
        int32_t from = descriptors[to];
        if (from < 0)
            continue;
        if (from == to ? fcntl(to, F_SETFD, 0) < 0 : dup2(from, to) < 0)
            return;
    }
    if (directory && chdir(directory) < 0)
        return;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execve(file, argv, env);
}

/*
 * spawn(file, argv, env, descriptors, count, directory): addresses of C strings, of arrays of them, and of 32-bit descriptors
 * of which the n-th becomes n, or is -1. The directory may be 0. Returns the pid, or -errno.
 */
static JSValue host_spawn(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv)
{
    int64_t words[6];
    volatile int failure = 0;

    for (int i = 0; i < 6; i++)
        if (get_word(ctx, argv[i], &words[i]))
            return JS_EXCEPTION;
    pid_t pid = vfork();
    if (pid == 0) {
        become((void *)words[0], (void *)words[1], (void *)words[2], (void *)words[3], words[4], (void *)words[5]);
        failure = errno;
        _exit(127);
    }
    if (pid < 0)
        failure = pid == -1 ? errno : -pid; /* of the C library, or of the kernel */
    else if (failure)
        waitpid(pid, NULL, 0);
    return JS_NewInt32(ctx, failure ? -failure : pid);
}

static int signal_pipe;

/* One byte, the number: a pipe takes it whole, and a full one loses what nobody reads anyway. */
static void tell_signal(int signal)
{
    uint8_t byte = signal;
    int error = errno;

    ssize_t ignored = write(signal_pipe, &byte, 1);
    (void)ignored;
    errno = error;
}

/* catchSignals(signals, fd): from now on these signals are written to the pipe `fd`. */
static JSValue host_catch_signals(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv)
{
    const struct sigaction caught = { .sa_handler = tell_signal, .sa_flags = SA_RESTART };
    int32_t signal;

    if (JS_ToInt32(ctx, &signal_pipe, argv[1]))
        return JS_EXCEPTION;
    for (uint32_t i = 0;; i++) {
        JSValue value = JS_GetPropertyUint32(ctx, argv[0], i);
        if (JS_IsUndefined(value))
            return JS_UNDEFINED;
        if (JS_ToInt32(ctx, &signal, value))
            return JS_EXCEPTION;
        sigaction(signal, &caught, NULL);
    }
}

static int is_ascii(const uint8_t *bytes, size_t length)
{
    uint8_t seen = 0;
    for (size_t i = 0; i < length; i++)
        seen |= bytes[i];
    return seen < 0x80;
}

/* The memory of a Uint8Array from `offset` on; NULL with an exception when it is none. */
static uint8_t *get_bytes(JSContext *ctx, JSValueConst array, size_t offset, size_t *length)
{
    size_t start, size, whole;
    JSValue buffer = JS_GetTypedArrayBuffer(ctx, array, &start, &size, NULL);

    if (JS_IsException(buffer))
        return NULL;
    uint8_t *bytes = JS_GetArrayBuffer(ctx, &whole, buffer);
    JS_FreeValue(ctx, buffer);
    *length = offset < size ? size - offset : 0;
    return bytes ? bytes + start + offset : NULL;
}

/* encodeAscii(bytes, offset, text): the offset after the text, or -1 when it is not ASCII or does not fit. */
static JSValue host_encode_ascii(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv)
{
    int64_t offset;
    size_t room, length;

    if (JS_ToInt64(ctx, &offset, argv[1]))
        return JS_EXCEPTION;
    uint8_t *bytes = get_bytes(ctx, argv[0], offset, &room);
    const char *text = bytes ? JS_ToCStringLen(ctx, &length, argv[2]) : NULL;
    if (!text)
        return JS_EXCEPTION;
    int usable = length <= room && is_ascii((const uint8_t *)text, length);
    if (usable)
        memcpy(bytes, text, length);
    JS_FreeCString(ctx, text);
    return JS_NewInt64(ctx, usable ? offset + (int64_t)length : -1);
}

/* An ASCII text with its NUL goes to `*top` in `bytes`. Returns its offset, or -1 when it is not ASCII or does not fit. */
static int64_t put_text(JSContext *ctx, uint8_t *bytes, size_t size, int64_t *top, JSValueConst value)
{
    size_t length;
    const char *text = JS_ToCStringLen(ctx, &length, value);
    int64_t at = -1;

    if (!text)
        return -1;
    if (*top + length < size && is_ascii((const uint8_t *)text, length)) {
        at = *top;
        memcpy(bytes + at, text, length + 1);
        *top = (at + length + 8) & ~(int64_t)7;
    }
    JS_FreeCString(ctx, text);
    return at;
}

/* An operation of the executor: see native/executor/protocol.ts. */
struct operation {
    int32_t number, indirect;
    int64_t arguments[SYSCALL_ARGUMENTS], result, also, positive, negative, zero;
};
#define NOT_DONE ((int64_t)1 << 52)

/* The properties that are read here, of descriptors, operations, members of a series and calls: see native/. */
#define PROPERTIES(do) \
    do(side) do(result) do(known) do(offset) do(branches) do(template) do(call) do(tolerate) \
    do(expect) do(length) do(values) do(size) do(initial) do(upToResult) do(bytes) \
    do(ends) do(answers) do(operations) do(returned)
#define DECLARE(name) static JSAtom name##_atom;
#define MAKE(name) name##_atom = JS_NewAtom(ctx, #name);
PROPERTIES(DECLARE)

static int is_there(JSContext *ctx, JSValueConst object, JSAtom name)
{
    JSValue value = JS_GetProperty(ctx, object, name);
    int there = !JS_IsUndefined(value);

    JS_FreeValue(ctx, value);
    return there;
}

/* A property that is an integer. Returns 0 when it is something else. */
static int get_number(JSContext *ctx, JSValueConst object, JSAtom name, int64_t *number)
{
    JSValue value = JS_GetProperty(ctx, object, name);
    int good = JS_IsNumber(value) && !get_word(ctx, value, number);

    JS_FreeValue(ctx, value);
    return good;
}

/* Where words go. */
struct target {
    uint8_t *bytes;
    size_t size;
    JSValueConst side;
    int64_t address; /* that of offset 0 */
    int64_t top;     /* where texts go */
    int64_t from;    /* operations from there on may give results to arguments */
    struct operation *operation; /* whose arguments these are, or NULL */
    struct out *outs;            /* room for one for each argument, or NULL where nobody would take them back */
    int out_count;
};

/* Space for what a call writes: see Out in native/struct.ts. The arguments keep the object alive. */
struct out {
    JSValue object;
    int64_t offset, size;
    int up_to_result;
};

/* The first five arguments of a function. Returns 0, or -1 with an exception. */
static int get_target(JSContext *ctx, JSValueConst *argv, struct target *to)
{
    to->bytes = get_bytes(ctx, argv[0], 0, &to->size);
    to->side = argv[1];
    to->operation = NULL;
    to->outs = NULL;
    to->out_count = 0;
    if (!to->bytes || JS_ToInt64(ctx, &to->address, argv[2]) || JS_ToInt64(ctx, &to->from, argv[3]) ||
        JS_ToInt64(ctx, &to->top, argv[4]))
        return -1;
    if (JS_IsString(to->side))
        return 0;
    JS_ThrowTypeError(ctx, "the side is no string");
    return -1;
}

/* The number of a descriptor; or that of the operation that opens it, as an argument that the executor takes from there. */
static int put_result(JSContext *ctx, struct target *to, int64_t at, JSValueConst result)
{
    int64_t word, offset;

    if (!get_number(ctx, result, known_atom, &word)) {
        if (!to->operation || !get_number(ctx, result, offset_atom, &offset) || offset < to->from)
            return 0;
        word = to->address + offset + (int64_t)offsetof(struct operation, result);
        to->operation->indirect |= 1 << (at - ((uint8_t *)to->operation->arguments - to->bytes)) / 8;
    }
    memcpy(to->bytes + at, &word, sizeof(word));
    return 1;
}

/*
 * The result that stands for a descriptor of that side. What is none has no side; words of one atom are one string in memory, and
 * where a side is another one, JavaScript has to look.
 */
static JSValue result_of(JSContext *ctx, JSValueConst side, JSValueConst value)
{
    JSValue own = JS_GetProperty(ctx, value, side_atom);
    int good = JS_IsString(own) && JS_VALUE_GET_PTR(own) == JS_VALUE_GET_PTR(side);

    JS_FreeValue(ctx, own);
    return good ? JS_GetProperty(ctx, value, result_atom) : JS_UNDEFINED;
}

static int put_descriptor(JSContext *ctx, struct target *to, int64_t at, JSValueConst value)
{
    JSValue result = result_of(ctx, to->side, value);
    int good = JS_IsObject(result) && put_result(ctx, to, at, result);

    JS_FreeValue(ctx, result);
    return good;
}

static int get_flag(JSContext *ctx, JSValueConst object, JSAtom name)
{
    JSValue value = JS_GetProperty(ctx, object, name);
    int flag = JS_ToBool(ctx, value) > 0;

    JS_FreeValue(ctx, value);
    return flag;
}

/* The address of an Out without initial bytes, which lies at the top: zeroes, but where the result says what was written. */
static int put_out(JSContext *ctx, struct target *to, int64_t at, JSValueConst value)
{
    int64_t size;

    if (!to->outs || to->out_count == SYSCALL_ARGUMENTS || !get_number(ctx, value, size_atom, &size) || size < 0 ||
        is_there(ctx, value, initial_atom) || to->top + size + 8 > (int64_t)to->size)
        return 0;
    const struct out out = { value, to->top, size, get_flag(ctx, value, upToResult_atom) };
    int64_t word = to->address + out.offset;
    if (!out.up_to_result)
        memset(to->bytes + out.offset, 0, size);
    to->top = (out.offset + size + 7) & ~(int64_t)7;
    to->outs[to->out_count++] = out;
    memcpy(to->bytes + at, &word, sizeof(word));
    return 1;
}

/* Copies what a call has written. Returns 0, or -1 with an exception. */
static int take_outs(JSContext *ctx, struct target *to, int64_t result)
{
    for (int i = 0; i < to->out_count; i++) {
        const struct out *out = &to->outs[i];
        int64_t length = !out->up_to_result ? out->size : result < 0 ? 0 : result < out->size ? result : out->size;
        JSValue whole[] = { JS_NewArrayBufferCopy(ctx, to->bytes + out->offset, length), JS_UNDEFINED, JS_UNDEFINED };
        JSValue bytes = JS_NewTypedArray(ctx, 3, whole, JS_TYPED_ARRAY_UINT8);
        JS_FreeValue(ctx, whole[0]);
        if (JS_IsException(bytes) || JS_SetProperty(ctx, out->object, bytes_atom, bytes) < 0)
            return -1;
    }
    return 0;
}

static int put_values(JSContext *ctx, struct target *to, int64_t at, JSValueConst values);

/* Is it something for which put_values() needs neither JavaScript nor an operation? */
static int is_simple(JSContext *ctx, struct target *to, JSValueConst value)
{
    int64_t number;

    if (!JS_IsObject(value))
        return 1;
    JSValue result = JS_GetProperty(ctx, value, result_atom);
    int known = JS_IsObject(result) && get_number(ctx, result, known_atom, &number);
    JS_FreeValue(ctx, result);
    return known;
}

/* The address of a struct of words, see native/struct.ts, which is put at the top. One with more than simple fields is left out. */
static int put_struct(JSContext *ctx, struct target *to, int64_t at, JSValueConst value)
{
    JSValue values = JS_GetProperty(ctx, value, values_atom);
    int64_t length = 0, inner = to->top, word = to->address + inner;
    int good = JS_IsArray(ctx, values) && get_number(ctx, values, length_atom, &length) && length <= SYSCALL_ARGUMENTS &&
               inner + 8 * length <= (int64_t)to->size;

    for (int64_t i = 0; good && i < length; i++) {
        JSValue field = JS_GetPropertyUint32(ctx, values, i);
        good = is_simple(ctx, to, field);
        JS_FreeValue(ctx, field);
    }
    if (good) {
        to->top += 8 * length;
        good = put_values(ctx, to, inner, values) == 0;
        if (!good)
            to->top = inner;
    }
    JS_FreeValue(ctx, values);
    if (good)
        memcpy(to->bytes + at, &word, sizeof(word));
    return good;
}

/*
 * 64-bit words from offset `at` on for up to six values: numbers, bigints, null, descriptors, structs of such words, and ASCII
 * texts. Returns a bit for each value that is left out.
 */
static int put_values(JSContext *ctx, struct target *to, int64_t at, JSValueConst values)
{
    int left = 0;

    for (uint32_t i = 0; i < SYSCALL_ARGUMENTS; i++, at += 8) {
        JSValue value = JS_GetPropertyUint32(ctx, values, i);
        int64_t word = 0;
        int good = at >= 0 && at + sizeof(word) <= to->size;

        if (JS_IsUndefined(value))
            break;
        if (good && JS_IsString(value)) {
            int64_t offset = put_text(ctx, to->bytes, to->size, &to->top, value);
            good = offset >= 0;
            word = to->address + offset;
        } else if (JS_IsObject(value)) {
            if (!good || !(put_descriptor(ctx, to, at, value) || put_out(ctx, to, at, value) || put_struct(ctx, to, at, value)))
                left |= 1 << i;
            JS_FreeValue(ctx, value);
            continue;
        } else if (!JS_IsNull(value)) {
            good = good && !get_word(ctx, value, &word);
        }
        JS_FreeValue(ctx, value);
        if (good)
            memcpy(to->bytes + at, &word, sizeof(word));
        else
            left |= 1 << i;
    }
    return left;
}

/* putWords(bytes, side, address, from, top, at, values): what put_values() does. Returns the new top * 64 plus the bits. */
static JSValue host_put_words(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv)
{
    struct target to;
    int64_t at;

    if (get_target(ctx, argv, &to) || JS_ToInt64(ctx, &at, argv[5]))
        return JS_EXCEPTION;
    int left = put_values(ctx, &to, at, argv[6]);
    return JS_NewInt64(ctx, to.top * 64 + left);
}

/*
 * putOperation(bytes, side, address, from, top, number, values): an operation at `top` that is not done, with these arguments
 * as putWords() puts them, and texts behind it. Returns the same, or -1 when there is no room for the operation.
 */
static JSValue host_put_operation(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv)
{
    struct target to;
    int64_t number;

    if (get_target(ctx, argv, &to) || JS_ToInt64(ctx, &number, argv[5]))
        return JS_EXCEPTION;
    if (to.top < 0 || to.top + sizeof(struct operation) > to.size)
        return JS_NewInt32(ctx, -1);
    int64_t at = to.top + offsetof(struct operation, arguments);
    to.operation = (struct operation *)(to.bytes + to.top);
    *to.operation = (struct operation){ .number = number, .result = NOT_DONE };
    to.top += sizeof(*to.operation);
    int left = put_values(ctx, &to, at, argv[6]);
    return JS_NewInt64(ctx, to.top * 64 + left);
}

/*
 * perform(bytes, side, address, from, top, number, values): makes a system call with these arguments, texts, structs and space
 * for what it writes put at `top`. Returns the result, an error as -errno; undefined, and no call is made, where a value is left out.
 */
static JSValue host_perform(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv)
{
    struct target to;
    struct out outs[SYSCALL_ARGUMENTS];
    int64_t number, words[SYSCALL_ARGUMENTS] = { 0 };

    if (get_target(ctx, argv, &to) || JS_ToInt64(ctx, &number, argv[5]))
        return JS_EXCEPTION;
    int64_t at = to.top;
    to.outs = outs;
    if (at < 0 || at + sizeof(words) > to.size)
        return JS_UNDEFINED;
    memset(to.bytes + at, 0, sizeof(words));
    to.top += sizeof(words);
    if (put_values(ctx, &to, at, argv[6]) != 0)
        return JS_UNDEFINED;
    memcpy(words, to.bytes + at, sizeof(words));
    long result = syscall(number, words[0], words[1], words[2], words[3], words[4], words[5]);
    if (result == -1)
        result = -errno;
    return take_outs(ctx, &to, result) ? JS_EXCEPTION : JS_NewInt64(ctx, result);
}

/* After which results the next operation follows a call. */
enum { POSITIVE = 1, ZERO = 2, NEGATIVE = 4 };

/* flowOf() of native/kernels/operation.ts. */
static int flow_of(JSContext *ctx, JSValueConst call)
{
    JSValue tolerate = JS_GetProperty(ctx, call, tolerate_atom), expect = JS_GetProperty(ctx, call, expect_atom);
    int64_t length = 0;
    int flow = POSITIVE | ZERO;

    if (JS_IsString(expect)) {
        const char *word = JS_ToCString(ctx, expect);
        flow = word && word[0] == 'z' ? ZERO : POSITIVE;
        JS_FreeCString(ctx, word);
    }
    if (JS_IsString(tolerate) || (JS_IsObject(tolerate) && get_number(ctx, tolerate, length_atom, &length) && length > 0))
        flow |= NEGATIVE;
    JS_FreeValue(ctx, tolerate);
    JS_FreeValue(ctx, expect);
    return flow;
}

/* What lies in memory for an object of a queue: an operation with its flow, or a member of a series. */
struct queued {
    int64_t offset;
    struct operation *operation; /* NULL for a member */
    int flow;
};

/* Where members of a series go on, and their answers: see Template in native/kernels/series.ts. One is that of many members. */
struct template {
    JSValue object;
    const int32_t *ends, *after_ends, *answers, *after_answers;
};

static const int32_t *get_integers(JSContext *ctx, JSValueConst object, JSAtom name, const int32_t **after)
{
    size_t size;
    JSValue array = JS_GetProperty(ctx, object, name);
    const int32_t *integers = (const int32_t *)get_bytes(ctx, array, 0, &size);

    JS_FreeValue(ctx, array); /* the object keeps it */
    *after = integers ? integers + size / sizeof(*integers) : NULL;
    return integers;
}

/* Reads the template, unless it is the one that was read last. Returns 0 when it is none. */
static int read_template(JSContext *ctx, struct template *template, JSValueConst object)
{
    if (!JS_IsObject(object))
        return 0;
    if (JS_IsObject(template->object) && JS_VALUE_GET_PTR(object) == JS_VALUE_GET_PTR(template->object))
        return 1;
    template->ends = get_integers(ctx, object, ends_atom, &template->after_ends);
    template->answers = template->ends ? get_integers(ctx, object, answers_atom, &template->after_answers) : NULL;
    template->object = template->answers ? object : JS_UNDEFINED; /* a member keeps it, and the queue that */
    return template->answers != NULL;
}

/* Returns 0 for what does not lie in these bytes. */
static int get_queued(JSContext *ctx, JSValueConst object, uint8_t *bytes, size_t size, struct template *template,
                      struct queued *found)
{
    int64_t offset;

    if (!JS_IsObject(object) || !get_number(ctx, object, offset_atom, &offset) || offset < 0 ||
        offset + sizeof(struct operation) > size)
        return 0;
    JSValue form = JS_GetProperty(ctx, object, template_atom);
    int is_member = !JS_IsUndefined(form), good = !is_member || read_template(ctx, template, form);
    JS_FreeValue(ctx, form);
    found->offset = offset;
    found->operation = is_member ? NULL : (struct operation *)(bytes + offset);
    if (!is_member) {
        JSValue call = JS_GetProperty(ctx, object, call_atom);
        found->flow = flow_of(ctx, call);
        JS_FreeValue(ctx, call);
    }
    return good;
}

/*
 * link(bytes, address, operations, end, fail): each goes on with the next one after what is no failure, the last one with the
 * address `end`; after a failure with `fail`, but members of a series stop there. `address` is that of offset 0. Returns how many have
 * branches of their own, which are still to be written; -1 when it can not say.
 */
static JSValue host_link(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv)
{
    int64_t address, end, fail, length;
    size_t size;
    uint8_t *bytes = get_bytes(ctx, argv[0], 0, &size);
    struct template template = { .object = JS_UNDEFINED };

    if (!bytes || JS_ToInt64(ctx, &address, argv[1]) || JS_ToInt64(ctx, &end, argv[3]) || JS_ToInt64(ctx, &fail, argv[4]))
        return JS_EXCEPTION;
    if (!get_number(ctx, argv[2], length_atom, &length))
        return JS_NewInt32(ctx, -1);
    int branching = 0;
    for (int64_t i = length - 1, next = end; i >= 0; i--) {
        JSValue object = JS_GetPropertyUint32(ctx, argv[2], i);
        struct queued queued;
        int good = get_queued(ctx, object, bytes, size, &template, &queued);
        branching += good && queued.operation && is_there(ctx, object, branches_atom);
        JS_FreeValue(ctx, object);
        if (!good)
            return JS_NewInt32(ctx, -1);
        if (queued.operation) {
            queued.operation->positive = queued.flow & POSITIVE ? next : fail;
            queued.operation->zero = queued.flow & ZERO ? next : fail;
            queued.operation->negative = queued.flow & NEGATIVE ? next : fail;
        } else {
            int32_t *words = (int32_t *)(bytes + queued.offset);
            for (const int32_t *place = template.ends; place < template.after_ends; place++)
                words[*place] = (int32_t)next;
        }
        next = address + queued.offset;
    }
    return JS_NewInt32(ctx, branching);
}

static void set_known(JSContext *ctx, JSValueConst object, int64_t result)
{
    JS_SetProperty(ctx, object, known_atom, JS_NewInt64(ctx, result));
}

static int settle_operation(JSContext *ctx, JSValueConst object, const struct queued *queued)
{
    int64_t result = queued->operation->result;
    int good = result != NOT_DONE && ((result > 0 && queued->flow & POSITIVE) || (result == 0 && queued->flow & ZERO));

    if (good)
        set_known(ctx, object, result);
    return good;
}

static int64_t result_at(const uint8_t *bytes, int64_t offset)
{
    int64_t result;

    memcpy(&result, bytes + offset, sizeof(result));
    return result;
}

/* Has a member come to its end? Each answer is where a result is, how many errnos that may be, -1 for any, and these. */
static int is_answered(const struct template *template, const uint8_t *member)
{
    for (const int32_t *at = template->answers; at < template->after_answers;) {
        int64_t result = result_at(member, *at++);
        int32_t count = *at++;
        int good = result != NOT_DONE && (result >= 0 || count < 0);

        for (; count > 0; count--)
            good |= result == -*at++;
        if (!good)
            return 0;
    }
    return 1;
}

/* The results of a member that others ask for become known. One whose operations have been looked at is left to JavaScript. */
static int settle_member(JSContext *ctx, JSValueConst object, const struct template *template, const uint8_t *bytes,
                         size_t size, int64_t offset)
{
    int64_t length, at;

    if (is_there(ctx, object, operations_atom) || !is_answered(template, bytes + offset))
        return 0;
    JSValue returned = JS_GetProperty(ctx, object, returned_atom);
    int good = get_number(ctx, returned, length_atom, &length);
    for (int64_t i = 0; good && i < length; i++) {
        JSValue operation = JS_GetPropertyUint32(ctx, returned, i);
        good = get_number(ctx, operation, offset_atom, &at) && at >= 0 && at + sizeof(struct operation) <= size;
        if (good)
            set_known(ctx, operation, result_at(bytes, at + offsetof(struct operation, result)));
        JS_FreeValue(ctx, operation);
    }
    JS_FreeValue(ctx, returned);
    return good;
}

/*
 * settle(bytes, operations, from): the results of operations and members, from that one of them on, become what they know.
 * Returns the number of the first one that has none yet, or one that is an errno or not what was expected.
 */
static JSValue host_settle(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv)
{
    int64_t i, length;
    size_t size;
    uint8_t *bytes = get_bytes(ctx, argv[0], 0, &size);
    struct template template = { .object = JS_UNDEFINED };

    if (!bytes || JS_ToInt64(ctx, &i, argv[2]))
        return JS_EXCEPTION;
    if (!get_number(ctx, argv[1], length_atom, &length))
        length = 0;
    for (; i < length; i++) {
        JSValue object = JS_GetPropertyUint32(ctx, argv[1], i);
        struct queued queued;
        int good = get_queued(ctx, object, bytes, size, &template, &queued);
        if (good)
            good = queued.operation ? settle_operation(ctx, object, &queued)
                                    : settle_member(ctx, object, &template, bytes, size, queued.offset);
        JS_FreeValue(ctx, object);
        if (!good)
            break;
    }
    return JS_NewInt64(ctx, i);
}

/* The word of a member of a series: the number of a descriptor, or the address of an ASCII text, which is put at the top. */
static int get_varying(JSContext *ctx, struct target *to, JSValueConst value, int64_t *word)
{
    if (JS_IsString(value)) {
        int64_t offset = put_text(ctx, to->bytes, to->size, &to->top, value);
        *word = to->address + offset;
        return offset >= 0;
    }
    JSValue result = JS_IsObject(value) ? result_of(ctx, to->side, value) : JS_UNDEFINED;
    int good = JS_IsObject(result) && get_number(ctx, result, known_atom, word);
    JS_FreeValue(ctx, result);
    return good;
}

/*
 * putForm(bytes, side, address, from, top, words, addresses, holes, values): a copy of the 32-bit words at `top`. To those words
 * that `addresses` names the address of the copy is added. `holes` has for each value, a descriptor or a text, in how many places
 * it goes, and the first words of these; texts are put behind the copy. Returns the new top, or -1 where a descriptor is not known, a
 * text is not ASCII, or there is no room.
 */
static JSValue host_put_form(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv)
{
    struct target to;
    size_t length, addresses_length, holes_length;

    if (get_target(ctx, argv, &to))
        return JS_EXCEPTION;
    const uint8_t *form = get_bytes(ctx, argv[5], 0, &length);
    const uint8_t *addresses = form ? get_bytes(ctx, argv[6], 0, &addresses_length) : NULL;
    const uint8_t *holes = addresses ? get_bytes(ctx, argv[7], 0, &holes_length) : NULL;
    if (!holes)
        return JS_EXCEPTION;
    if (to.top < 0 || to.top + length > to.size)
        return JS_NewInt32(ctx, -1);
    int32_t *words = (int32_t *)(to.bytes + to.top);
    const int32_t *place = (const int32_t *)addresses, *last = place + addresses_length / sizeof(*place);
    memcpy(words, form, length);
    for (; place < last; place++)
        words[*place] += (int32_t)(to.address + to.top);
    to.top += length;
    place = (const int32_t *)holes;
    last = place + holes_length / sizeof(*place);
    for (uint32_t i = 0; place < last; i++) {
        JSValue value = JS_GetPropertyUint32(ctx, argv[8], i);
        int64_t word;
        int good = get_varying(ctx, &to, value, &word);

        JS_FreeValue(ctx, value);
        if (!good)
            return JS_NewInt32(ctx, -1);
        for (int32_t places = *place++; places > 0; places--)
            memcpy(words + *place++, &word, sizeof(word));
    }
    return JS_NewInt64(ctx, to.top);
}

/* includes(text, part): is the part in the text? An engine that compares at every character takes long for a document. */
static JSValue host_includes(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv)
{
    size_t length, part_length;
    const char *text = JS_ToCStringLen(ctx, &length, argv[0]);
    const char *part = text ? JS_ToCStringLen(ctx, &part_length, argv[1]) : NULL;
    int found = part && memmem(text, length, part, part_length) != NULL;

    JS_FreeCString(ctx, part);
    JS_FreeCString(ctx, text);
    return part ? JS_NewBool(ctx, found) : JS_EXCEPTION;
}

/* hasDigits(text, count): are so many digits in a row in the text? */
static JSValue host_has_digits(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv)
{
    uint32_t count, run = 0;
    size_t length;
    const char *text;

    if (JS_ToUint32(ctx, &count, argv[1]) || !(text = JS_ToCStringLen(ctx, &length, argv[0])))
        return JS_EXCEPTION;
    for (size_t i = 0; i < length && run < count; i++)
        run = text[i] >= '0' && text[i] <= '9' ? run + 1 : 0;
    JS_FreeCString(ctx, text);
    return JS_NewBool(ctx, run >= count);
}

/* decodeAscii(bytes): the text, or undefined when the bytes are not ASCII. */
static JSValue host_decode_ascii(JSContext *ctx, JSValueConst this, int argc, JSValueConst *argv)
{
    size_t length;
    uint8_t *bytes = get_bytes(ctx, argv[0], 0, &length);

    if (!bytes)
        return JS_EXCEPTION;
    return is_ascii(bytes, length) ? JS_NewStringLen(ctx, (const char *)bytes, length) : JS_UNDEFINED;
}

static JSValue new_strings(JSContext *ctx, char **strings)
{
    JSValue array = JS_NewArray(ctx);
    for (uint32_t i = 0; strings[i]; i++)
        JS_SetPropertyUint32(ctx, array, i, JS_NewString(ctx, strings[i]));
    return array;
}

static void add_host(JSContext *ctx, char **argv)
{
    static const JSCFunctionListEntry functions[] = {
        JS_CFUNC_DEF("syscall", 2, host_syscall),
        JS_CFUNC_DEF("syscallAt", 2, host_syscall_at),
        JS_CFUNC_DEF("map", 2, host_map),
        JS_CFUNC_DEF("spawn", 6, host_spawn),
        JS_CFUNC_DEF("catchSignals", 2, host_catch_signals),
        JS_CFUNC_DEF("encodeAscii", 3, host_encode_ascii),
        JS_CFUNC_DEF("decodeAscii", 1, host_decode_ascii),
        JS_CFUNC_DEF("includes", 2, host_includes),
        JS_CFUNC_DEF("hasDigits", 2, host_has_digits),
        JS_CFUNC_DEF("putWords", 7, host_put_words),
        JS_CFUNC_DEF("putOperation", 7, host_put_operation),
        JS_CFUNC_DEF("perform", 7, host_perform),
        JS_CFUNC_DEF("link", 5, host_link),
        JS_CFUNC_DEF("settle", 3, host_settle),
        JS_CFUNC_DEF("putForm", 9, host_put_form),
        JS_PROP_STRING_DEF("arch", MACHINE, JS_PROP_ENUMERABLE),
    };
    JSValue global = JS_GetGlobalObject(ctx);
    JSValue host = JS_NewObject(ctx);

    PROPERTIES(MAKE)
    JS_SetPropertyFunctionList(ctx, host, functions, sizeof(functions) / sizeof(*functions));
    JS_SetPropertyStr(ctx, host, "argv", new_strings(ctx, argv + 1));
    JS_SetPropertyStr(ctx, host, "env", new_strings(ctx, environ));
    JS_SetPropertyStr(ctx, global, "quickjs", host);
    JS_FreeValue(ctx, global);
}

/* Modules are found by name in the table; none is read from a file. */
static JSValue read_module(JSContext *ctx, const char *name)
{
    for (const struct module *module = modules; module->name; module++)
        if (strcmp(module->name, name) == 0)
            return JS_ReadObject(ctx, module->bytes, module->size, JS_READ_OBJ_BYTECODE);
    return JS_ThrowReferenceError(ctx, "no module `%s` in this program", name);
}

static JSModuleDef *load_module(JSContext *ctx, const char *name, void *opaque)
{
    JSValue module = read_module(ctx, name);
    if (JS_IsException(module))
        return NULL;
    JS_FreeValue(ctx, module); /* the engine's list of modules keeps it */
    return JS_VALUE_GET_PTR(module);
}

/* Only what the program uses: each of them costs time at every start. */
static JSContext *new_context(JSRuntime *runtime)
{
    JSContext *ctx = JS_NewContextRaw(runtime);
    JS_AddIntrinsicBaseObjects(ctx);
    JS_AddIntrinsicDate(ctx);
    JS_AddIntrinsicRegExp(ctx);
    JS_AddIntrinsicJSON(ctx);
    JS_AddIntrinsicMapSet(ctx);
    JS_AddIntrinsicTypedArrays(ctx);
    JS_AddIntrinsicPromise(ctx);
    return ctx;
}

static void write_error(const char *text)
{
    if (write(STDERR_FILENO, text, strlen(text)) < 0)
        return; /* there is nobody to tell */
}

/* An exception that no JavaScript caught is a fault of the program itself. */
static int die(JSContext *ctx, JSValue thrown)
{
    JSValue stack = JS_GetPropertyStr(ctx, thrown, "stack");
    const char *what = JS_ToCString(ctx, thrown);
    const char *where = JS_IsString(stack) ? JS_ToCString(ctx, stack) : "";

    write_error("tsrun: internal error: ");
    write_error(what ? what : "?");
    write_error("\n");
    write_error(where ? where : "");
    return 70;
}

/* Runs what promises wait for. Returns 0, or the exit code of a fault. */
static int run_jobs(JSContext *ctx)
{
    JSContext *job_ctx;
    int more;

    while ((more = JS_ExecutePendingJob(JS_GetRuntime(ctx), &job_ctx)) > 0)
        ;
    return more < 0 ? die(ctx, JS_GetException(ctx)) : 0;
}

/* Loads and evaluates the modules, and saves the heap in which they lie then. */
static int make_snapshot(void *opaque)
{
    char **paths = opaque;
    JSRuntime *runtime = JS_NewRuntime2(&heap_functions, NULL);
    JSContext *ctx = new_context(runtime);

    JS_SetGCThreshold(runtime, GC_THRESHOLD);
    JS_SetModuleLoaderFunc(runtime, NULL, load_module, NULL);
    JSValue entry = read_module(ctx, "tsrun.js");
    if (JS_IsException(entry) || JS_ResolveModule(ctx, entry) < 0)
        return die(ctx, JS_GetException(ctx));
    JSValue done = JS_EvalFunction(ctx, entry);
    if (JS_IsException(done))
        return die(ctx, JS_GetException(ctx));
    int fault = run_jobs(ctx);
    if (fault)
        return fault;
    if (JS_PromiseState(ctx, done) != JS_PROMISE_FULFILLED)
        return die(ctx, JS_PromiseResult(ctx, done));
    JS_RunGC(runtime);
    if (heap_save(paths[0], paths[1], ctx) == 0)
        return 0;
    return die(ctx, JS_NewString(ctx, "the snapshot could not be written; have the modules outgrown heap.c?"));
}

/*
 * As Node.js does. A write to an executor that somebody has killed, and one beyond the caller's limit, are errors to be
 * reported. And who ignores the end of his children does not mean ours: the kernel would keep no exit codes for us.
 */
static void set_signals(void)
{
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    signal(SIGCHLD, SIG_DFL);
}

/*
 * The engine takes 256 KiB at most, unless told otherwise. Of a smaller limit of the caller's, arguments and environment may
 * have a quarter, see execve(2). False when that is not enough for a command.
 */
static int fit_stack(JSRuntime *runtime)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_STACK, &limit) < 0 || limit.rlim_cur >= 512 << 10)
        return 1;
    JS_SetMaxStackSize(runtime, limit.rlim_cur / 4 * 3);
    return limit.rlim_cur >= 64 << 10;
}

/* The entry module has left a function `start`, which ends the process. */
static int start(JSContext *ctx, char **argv)
{
    if (!open_streams())
        return 70;
    heap_load();
    set_signals();
    if (!fit_stack(JS_GetRuntime(ctx))) {
        write_error("tsrun: the stack may not have the 64 KiB that the runtime itself takes (ulimit -s)\n");
        return 1;
    }
    JS_UpdateStackTop(JS_GetRuntime(ctx));
    add_host(ctx, argv);
    JSValue global = JS_GetGlobalObject(ctx);
    JSValue function = JS_GetPropertyStr(ctx, global, "start");
    JSValue done = JS_Call(ctx, function, JS_UNDEFINED, 0, NULL);

    if (JS_IsException(done))
        return die(ctx, JS_GetException(ctx));
    int fault = run_jobs(ctx);
    if (fault)
        return fault;
    if (JS_PromiseState(ctx, done) == JS_PROMISE_REJECTED)
        return die(ctx, JS_PromiseResult(ctx, done));
    return die(ctx, JS_NewString(ctx, "the program ended without an exit code"));
}

int main(int argc, char **argv)
{
    JSContext *ctx = heap_context();

    if (ctx)
        return start(ctx, argv);
    if (argc != 3) {
        write_error("this is a part of the build: it takes the paths of two files to write\n");
        return 2;
    }
    int code = on_fixed_stack(make_snapshot, argv + 1);
    if (code < 0)
        write_error("the snapshot can not be made: there is no place for its stack\n");
    return code < 0 ? 70 : code;
}
