/*
 * Waits on thousands of different stacks a second: before each wait it goes a way of its own
 * through twelve functions. Two threads pass a byte to and fro; only one of them takes such ways.
 *
 *   manystacks SECONDS STACKS-A-SECOND
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define WAY_LENGTH 6

static int there[2], back[2];
static volatile uint64_t sink;

static void step(uint64_t way, int left);

#define FUNCTION(name)                                                    \
    __attribute__((noinline)) static void name(uint64_t way, int left)    \
    {                                                                     \
        step(way, left);                                                  \
        sink++; /* or the call would be a jump, and this frame gone */    \
    }

FUNCTION(f0) FUNCTION(f1) FUNCTION(f2) FUNCTION(f3) FUNCTION(f4) FUNCTION(f5)
FUNCTION(f6) FUNCTION(f7) FUNCTION(f8) FUNCTION(f9) FUNCTION(f10) FUNCTION(f11)

static void (*const functions[12])(uint64_t, int) = {f0, f1, f2, f3, f4, f5,
                                                     f6, f7, f8, f9, f10, f11};

__attribute__((noinline)) static void step(uint64_t way, int left)
{
    char byte = 0;
    if (left > 0) {
        functions[way % 12](way / 12, left - 1);
    } else if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1) {
        exit(1);
    }
    sink++;
}

static void *echo(void *unused)
{
    char byte;
    while (read(there[0], &byte, 1) == 1 && write(back[1], &byte, 1) == 1)
        ;
    return unused;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static long waits(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_nvcsw;
}

int main(int argc, char **argv)
{
    double seconds = argc > 2 ? atof(argv[1]) : 1, rate = argc > 2 ? atof(argv[2]) : 6000;
    uint64_t rounds = 0, way = 0;
    pthread_t thread;
    char line[16];

    if (pipe(there) || pipe(back) || pthread_create(&thread, NULL, echo, NULL))
        return 1;
    printf("ready %d\n", getpid());
    fflush(stdout);
    if (!fgets(line, sizeof line, stdin))
        return 0;
    long before = waits();
    double start = now();
    for (; now() - start < seconds; rounds++) {
        /* Steps through all 12^6 ways in an order in which neighbours differ in every place. */
        way = (way + 1845281) % 2985984;
        step(way, WAY_LENGTH);
        if (rounds > (now() - start) * rate)
            usleep(2000);
    }
    printf("done {\"rounds\": %llu, \"waits\": %ld}\n", (unsigned long long)rounds, waits() - before);
    fflush(stdout);
    while (fgets(line, sizeof line, stdin))
        ;
    return 0;
}
