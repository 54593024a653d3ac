/*
 * Code without unwind data, but with frame pointers, between functions that have unwind data and use
 * rbp for something else: written by hand, and the same bytes made at run time, as a JIT does.
 *
 * chain assembly: @start -> main -> outer -> by_hand -> inner -> leaf
 * chain jit: @start -> main -> outer -> @nameless -> inner -> leaf
 */
#include "chain.h"
#include <sys/mman.h>

typedef void caller(void (*work)(void));

static caller *volatile through;

STEP void leaf(void)
{
    USE_ALL_REGISTERS;
    burn();
    USE_ALL_REGISTERS;
}

STEP void inner(void)
{
    USE_ALL_REGISTERS;
    leaf();
    USE_ALL_REGISTERS;
}

/* No .cfi_startproc: nothing is said about this code but that it keeps a frame. */
__asm__(".text\n"
        ".globl by_hand, by_hand_end\n"
        ".type by_hand, @function\n"
        "by_hand:\n"
        "    push %rbp\n"
        "    mov %rsp, %rbp\n"
        "    sub $48, %rsp\n"
        "    call *%rdi\n"
        "    leave\n"
        "    ret\n"
        "by_hand_end:\n"
        ".size by_hand, . - by_hand\n");
caller by_hand;
extern const char by_hand_end[];

STEP void outer(void)
{
    ROOM(88);
    USE_ALL_REGISTERS;
    through(inner);
    NO_TAIL_CALL;
}

int main(int argc, char **argv)
{
    through = by_hand;
    if (argc > 3 && !strcmp(argv[3], "jit")) {
        void *made = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (made == MAP_FAILED)
            return 1;
        memcpy(made, (const void *)by_hand, by_hand_end - (const char *)by_hand);
        if (mprotect(made, 4096, PROT_READ | PROT_EXEC))
            return 1;
        through = (caller *)made;
    }
    RUN(argc, argv, outer());
}
