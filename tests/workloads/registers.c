/*
 * Sleeps in functions that keep where their frame is in a register of each kind, and say so: by hand,
 * for compilers take few of them. What these functions call is the kernel, so that the register is
 * known.
 *
 *   registers SLEEPS
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* Keeps the stack pointer of its caller in a register, moves its own out of sight, and sleeps (35 is
 * nanosleep). */
#define SLEEPER(register)                                          \
    void by_##register(const struct timespec *how_long);           \
    __asm__(".text\n"                                              \
            ".globl by_" #register "\n"                            \
            ".type by_" #register ", @function\n"                  \
            "by_" #register ":\n"                                  \
            "    .cfi_startproc\n"                                 \
            "    push %" #register "\n"                            \
            "    .cfi_def_cfa_offset 16\n"                         \
            "    lea 16(%rsp), %" #register "\n"                   \
            "    .cfi_def_cfa " #register ", 0\n"                  \
            "    sub $512, %rsp\n"                                 \
            "    and $-256, %rsp\n"                                \
            "    xor %esi, %esi\n"                                 \
            "    mov $35, %eax\n"                                  \
            "    syscall\n"                                        \
            "    lea -16(%" #register "), %rsp\n"                  \
            "    .cfi_def_cfa rsp, 16\n"                           \
            "    pop %" #register "\n"                             \
            "    .cfi_def_cfa_offset 8\n"                          \
            "    ret\n"                                            \
            "    .cfi_endproc\n"                                   \
            ".size by_" #register ", . - by_" #register "\n");

SLEEPER(rbx)
SLEEPER(rdx)
SLEEPER(r8)
SLEEPER(r9)
SLEEPER(r10)
SLEEPER(r12)
SLEEPER(r13)
SLEEPER(r14)
SLEEPER(r15)

int main(int argc, char **argv)
{
    const struct timespec how_long = {0, 2000000};
    int sleeps = argc > 1 ? atoi(argv[1]) : 1;
    char line[16];

    printf("ready %d\n", getpid());
    fflush(stdout);
    if (!fgets(line, sizeof line, stdin))
        return 0;
    for (int sleep = 0; sleep < sleeps; sleep++) {
        by_rbx(&how_long);
        by_rdx(&how_long);
        by_r8(&how_long);
        by_r9(&how_long);
        by_r10(&how_long);
        by_r12(&how_long);
        by_r13(&how_long);
        by_r14(&how_long);
        by_r15(&how_long);
    }
    printf("done {\"sleeps\": %d}\n", sleeps);
    fflush(stdout);
    while (fgets(line, sizeof line, stdin))
        ;
    return 0;
}
