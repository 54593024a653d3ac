/*
 * Two programs of one source, told apart by ALPHA or BETA, that replace each other again and again
 * in one process. One spends its time in alpha() only, the other in beta() only. Each has at the
 * other's address a function that it never calls: whoever looks up an address of the one in the
 * other finds that, and is wrong.
 *
 *   ALPHA BETA-PROGRAM TIMES MS      and the same for the other
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

static volatile uint64_t sink;
static volatile sig_atomic_t stop;

#define SPIN                                                              \
    __asm__ volatile("" ::"r"(__builtin_frame_address(0)) : "memory");    \
    while (!stop)                                                         \
        sink++

#ifdef ALPHA
__attribute__((noinline, used)) void alpha(void) { SPIN; }
__attribute__((noinline, used)) void never_in_alpha(void) { SPIN; }
#define WORK alpha
#else
__attribute__((noinline, used)) void never_in_beta(void) { SPIN; }
__attribute__((noinline, used)) void beta(void) { SPIN; }
#define WORK beta
#endif

static void on_alarm(int signal)
{
    (void)signal;
    stop = 1;
}

int main(int argc, char **argv)
{
    int times = argc > 3 ? atoi(argv[2]) : 0, ms = argc > 3 ? atoi(argv[3]) : 0;
    struct itimerval timer = {.it_value = {.tv_usec = ms * 1000}};
    char line[16], left[16];

    if (argc == 4) { /* the first of the row */
        printf("ready %d\n", getpid());
        fflush(stdout);
        if (!fgets(line, sizeof line, stdin))
            return 0;
    }
    signal(SIGALRM, on_alarm);
    setitimer(ITIMER_REAL, &timer, NULL);
    WORK();
    if (times > 1) {
        snprintf(left, sizeof left, "%d", times - 1);
        execl(argv[1], argv[1], argv[0], left, argv[3], "again", NULL);
        perror(argv[1]);
        return 1;
    }
    printf("done {}\n");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin))
        ;
    return 0;
}
