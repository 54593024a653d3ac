/*
 * What the programs with known call chains share: the dialogue with the test, and work that takes
 * time. A program's chains stand in the comment at its head, where the tests read them, from the
 * thread's start to the function that works; how they are written is told in tests/src/chain/parse.rs.
 *
 *   PROGRAM SECONDS WARM-UP [LABEL ...]
 *
 * It says that it is ready, waits for the word, spends WARM-UP seconds of CPU time in warm_up() and
 * SECONDS in its chain, and says how much that was. Samples in warm_up() are not counted: the tables
 * of a program are made when it is first seen.
 */
#ifndef CHAIN_H
#define CHAIN_H
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* A function that stays one: not inlined, not cloned, not merged with another of the same body. */
#ifdef __clang__
#define STEP __attribute__((noinline, used))
#else
#define STEP __attribute__((noipa, used))
#endif

/* After the last call of a function. Without it the call would be a jump, and the frame gone. */
#define NO_TAIL_CALL __asm__ volatile("")

/* Makes a function save every register that it has to keep, the frame pointer among them. */
#define USE_ALL_REGISTERS __asm__ volatile("" ::: "rbx", "rbp", "r12", "r13", "r14", "r15")

/* Room on the stack, in use. */
#define ROOM(bytes)                                                                      \
    char room_[bytes];                                                                   \
    __asm__ volatile("" : "=m"(room_))

/* Turns of the loop in a function that works: more than ten milliseconds, so that next to no sample
 * hits the way there, nor the asking for the time between two rounds, which is a system call and, on
 * a virtual machine, a slow one. A program that is to end soon takes fewer. */
#ifndef TURNS
#define TURNS 40000000
#endif

static inline __attribute__((always_inline)) void turn(uint64_t turns)
{
    for (uint64_t i = 0; i < turns; i++)
        __asm__ volatile("" : "+r"(i));
}

static inline __attribute__((always_inline)) void burn(void) { turn(TURNS); }

/* CPU time of the process. */
static inline double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return now.tv_sec + now.tv_nsec / 1e9;
}

/* Does WORK again and again for so many seconds of CPU time. */
#define FOR_SECONDS(seconds, work)                                                       \
    for (double end_ = cpu_seconds() + (seconds); cpu_seconds() < end_;)                 \
    work

#ifdef __cplusplus
extern "C"
#endif
STEP void warm_up(void) { burn(); }

struct plan {
    double seconds, warm_up;
    const char *label;
};

/* The first half of the dialogue. A program that another has become by exec goes on at once. */
static inline struct plan begin(int argc, char **argv)
{
    struct plan plan = {argc > 1 ? atof(argv[1]) : 1, argc > 2 ? atof(argv[2]) : 0,
                        argc > 3 ? argv[3] : ""};
    char line[16];

    if (getenv("CHAIN_GOES_ON"))
        return plan;
    setpriority(PRIO_PROCESS, 0, -20);
    FILE *group = fopen("/proc/self/autogroup", "w");
    if (group) {
        fputs("-20", group);
        fclose(group);
    }
    printf("ready %d\n", getpid());
    fflush(stdout);
    if (!fgets(line, sizeof line, stdin))
        exit(0);
    return plan;
}

/* The second half: CPU time spent in the chain, and then nothing, until the test has seen enough. */
static inline int finish(double seconds)
{
    char line[16];

    printf("done {\"chain_ns\": %.0f}\n", seconds * 1e9);
    fflush(stdout);
    while (fgets(line, sizeof line, stdin))
        ;
    return 0;
}

/* All of it, for a program whose chain begins in main(). */
#define RUN(argc, argv, work)                                                            \
    do {                                                                                 \
        struct plan plan = begin(argc, argv);                                            \
        FOR_SECONDS(plan.warm_up, warm_up());                                            \
        double before = cpu_seconds();                                                   \
        FOR_SECONDS(plan.seconds, work);                                                 \
        return finish(cpu_seconds() - before);                                           \
    } while (0)

#endif
