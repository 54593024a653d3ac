/*
 * Spends about 70, 20 and 10 % of its CPU time in three functions. They share one loop body and differ
 * only in how often they run it; but where a loop lies can change how fast it is, so it tells the
 * time that each function took.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static volatile uint64_t sink;

/* Asking for the frame's address is what makes the compiler keep one in a function without calls. */
#define SPIN(turns)                                                       \
    __asm__ volatile("" ::"r"(__builtin_frame_address(0)) : "memory");    \
    for (uint64_t i = 0; i < (uint64_t)(turns); i++)                      \
        sink += i

__attribute__((noinline)) void seventy_percent(uint64_t unit) { SPIN(7 * unit); }
__attribute__((noinline)) void twenty_percent(uint64_t unit) { SPIN(2 * unit); }
__attribute__((noinline)) void ten_percent(uint64_t unit) { SPIN(1 * unit); }

static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return now.tv_sec + now.tv_nsec / 1e9;
}

/* Seconds in each of the three. */
static double spent[3];

__attribute__((noinline)) void one_round(uint64_t unit)
{
    double began = cpu_seconds();
    seventy_percent(unit);
    double after_first = cpu_seconds();
    twenty_percent(unit);
    double after_second = cpu_seconds();
    ten_percent(unit);
    spent[0] += after_first - began;
    spent[1] += after_second - after_first;
    spent[2] += cpu_seconds() - after_second;
    /* Or the last call would be a jump, and this frame gone. */
    __asm__ volatile("" ::: "memory");
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? atof(argv[1]) : 1;
    char line[16];

    setpriority(PRIO_PROCESS, 0, -20);
    FILE *group = fopen("/proc/self/autogroup", "w");
    if (group) {
        fputs("-20", group);
        fclose(group);
    }
    printf("ready %d\n", getpid());
    fflush(stdout);
    if (!fgets(line, sizeof line, stdin))
        return 0;
    double start = cpu_seconds();
    /* Rounds of one length could run in step with the sampler, which then always finds the same function. */
    uint32_t random = 1;
    while (cpu_seconds() - start < seconds) {
        random = random * 1664525 + 1013904223;
        one_round(50000 + (random >> 16));
    }
    double all = spent[0] + spent[1] + spent[2];
    printf("done {\"cpu_ns\": %.0f, \"shares\": [%f, %f, %f]}\n", (cpu_seconds() - start) * 1e9,
           spent[0] / all, spent[1] / all, spent[2] / all);
    fflush(stdout);
    while (fgets(line, sizeof line, stdin))
        ;
    return 0;
}
