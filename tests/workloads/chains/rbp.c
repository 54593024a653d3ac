/*
 * Functions that use rbp as any other register. Whoever takes it for a frame pointer is led through
 * frames that look right to never_called(), which nobody calls.
 *
 * chain leaf: @start -> main -> outer -> clobbers
 * chain caller: @start -> main -> outer -> keeps_seven -> leaf
 */
#include "chain.h"

struct fake {
    struct fake *caller;
    const void *return_address;
};

static struct fake fakes[8];
static const char *volatile label;
static volatile uint64_t sink;

STEP void never_called(void)
{
    burn();
    sink++;
    burn();
}

STEP void leaf(void)
{
    burn();
}

/* Burns with rbp at a fake frame. */
STEP void clobbers(void)
{
    uint64_t turns = TURNS;
    __asm__ volatile("mov %1, %%rbp\n"
                     "1: dec %0\n"
                     "jnz 1b\n"
                     : "+r"(turns)
                     : "r"(&fakes[0])
                     : "rbp", "cc", "memory");
}

/* Seven values over a call, and six registers that a call keeps: one of the values is in rbp. */
STEP void keeps_seven(void)
{
    struct fake *a = &fakes[0], *b = &fakes[1], *c = &fakes[2], *d = &fakes[3], *e = &fakes[4],
                *f = &fakes[5], *g = &fakes[6];
    __asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f), "+r"(g));
    leaf();
    __asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f), "+r"(g));
}

STEP void outer(void)
{
    if (!strcmp(label, "leaf"))
        clobbers();
    else
        keeps_seven();
    NO_TAIL_CALL;
}

int main(int argc, char **argv)
{
    for (int i = 0; i < 7; i++)
        fakes[i] = (struct fake){&fakes[i + 1], (char *)never_called + 9};
    label = argc > 3 ? argv[3] : "";
    RUN(argc, argv, outer());
}
