/*
 * Makes a filter with libseccomp, for libseccomp.test.ts. Reads lines from stdin, writes the program to stdout and names
 * that the library does not know to stderr:
 *   default ACTION
 *   arch NAME
 *   rule ACTION NAME COUNT [INDEX OPERATOR A B]...
 * ACTION is the word that the filter returns, OPERATOR a number of enum scmp_compare.
 */
#include <inttypes.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(void)
{
    char word[16], name[64];
    uint32_t action;
    unsigned count;
    scmp_filter_ctx filter = NULL;

    while (scanf("%15s", word) == 1) {
        if (!strcmp(word, "default")) {
            if (scanf("%" SCNu32, &action) != 1 || !(filter = seccomp_init(action)))
                return 1;
            seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
        } else if (!strcmp(word, "arch")) {
            if (scanf("%63s", name) != 1)
                return 1;
            uint32_t arch = seccomp_arch_resolve_name(name);
            if (seccomp_arch_exist(filter, arch) && seccomp_arch_add(filter, arch))
                return 1;
        } else {
            struct scmp_arg_cmp conditions[6];
            if (scanf("%" SCNu32 " %63s %u", &action, name, &count) != 3 || count > 6)
                return 1;
            for (unsigned i = 0; i < count; i++) {
                unsigned index, op;
                uint64_t a, b;
                if (scanf("%u %u %" SCNu64 " %" SCNu64, &index, &op, &a, &b) != 4)
                    return 1;
                conditions[i] = (struct scmp_arg_cmp){ index, op, a, b };
            }
            int number = seccomp_syscall_resolve_name(name);
            if (number == __NR_SCMP_ERROR)
                fprintf(stderr, "%s\n", name);
            else if (seccomp_rule_add_array(filter, action, number, count, conditions))
                return 1;
        }
    }
    return seccomp_export_bpf(filter, STDOUT_FILENO) ? 1 : 0;
}
