/* Functions that are each called from one place only, so that any stack of them can be checked: by the
 * stack pointer, with arrays of variable length, on a realigned stack, deep in themselves, called by the
 * C library, and in a signal handler. Stops itself before it begins. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CALLED __attribute__((noinline, noclone))
/* Keeps a call from becoming a jump, and its result from being known. */
#define KEEP(value) __asm__ volatile("" : "+r"(value) : : "memory")

CALLED int leaf(int n) {
    KEEP(n);
    return n * 3;
}

CALLED int by_stack_pointer(int a, int b, int c, int d) {
    int sum = 0;
    for (int i = 0; i < 3; i++) {
        KEEP(a);
        sum += leaf(a + i) + b * c + d;
    }
    KEEP(sum);
    return sum;
}

CALLED int variable_length(int n) {
    char room[n];
    memset(room, n, n);
    int sum = by_stack_pointer(room[0], n, 2, 3);
    KEEP(sum);
    return sum + room[n - 1];
}

CALLED int realigned(int n) {
    _Alignas(64) char room[128];
    char *more = __builtin_alloca(n);
    KEEP(more);
    memset(room, n, sizeof room);
    more[0] = 1;
    int sum = variable_length(room[5] + 8);
    KEEP(sum);
    return sum + more[0];
}

CALLED int recursive(int depth) {
    if (depth == 0) return 1;
    int sum = recursive(depth - 1);
    KEEP(sum);
    return sum + depth;
}

CALLED int deep(void) {
    int sum = recursive(200);
    KEEP(sum);
    return sum;
}

CALLED int compared(const void *one, const void *other) {
    int difference = *(const int *)one - *(const int *)other;
    KEEP(difference);
    return difference;
}

CALLED int sorted(void) {
    int numbers[8] = {5, 3, 8, 1, 9, 2, 7, 4};
    qsort(numbers, 8, sizeof *numbers, compared);
    KEEP(numbers[0]);
    return numbers[0];
}

static volatile int handled;

CALLED int in_handler(int n) {
    KEEP(n);
    return n + 1;
}

void handler(int number) {
    handled = in_handler(number);
}

CALLED int signalled(void) {
    signal(SIGUSR1, handler);
    raise(SIGUSR1);
    return handled;
}

CALLED int timed(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int second = now.tv_sec;
    KEEP(second);
    return second;
}

int main(void) {
    raise(SIGSTOP);
    int sum = realigned(40) + deep() + sorted() + signalled() + timed();
    KEEP(sum);
    return 0;
}
