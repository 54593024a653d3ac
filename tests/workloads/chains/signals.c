/*
 * Work in a signal handler: the code that it interrupted is below it. A handler on a stack of its own,
 * and a function that is interrupted at its first instruction: who looks one byte before that, as is
 * right for a return address, finds the function before it, whose frame has another size.
 *
 * chain timer: @start -> main -> outer -> interrupted -> @signal -> on_signal -> leaf
 * chain altstack: @start -> main -> outer -> interrupted -> @signal -> on_signal -> leaf
 * chain first: @start -> main -> outer -> faults_at_once -> @signal -> on_signal -> leaf
 */
#include "chain.h"
#include <signal.h>
#include <sys/time.h>
#include <ucontext.h>

/* Long against the time until the timer fires, a few milliseconds. */
#define ROUNDS 50

static const char *volatile label;
static volatile sig_atomic_t handled;

STEP void leaf(void) { burn(); }

STEP void on_signal(int number, siginfo_t *info, void *context)
{
    (void)info;
    for (int i = 0; i < ROUNDS; i++)
        leaf();
    handled = 1;
    if (number == SIGILL) /* go on behind the instruction, which has two bytes */
        ((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] += 2;
}

STEP void interrupted(void)
{
    ROOM(72);
    struct itimerval timer = {.it_value = {.tv_usec = 1000}};
    handled = 0;
    setitimer(ITIMER_REAL, &timer, NULL);
    while (!handled)
        NO_TAIL_CALL;
}

/* The fault is the first byte of its function, and right behind the last of the other one. */
__asm__(".text\n"
        ".globl never_called, faults_at_once\n"
        ".type never_called, @function\n"
        ".type faults_at_once, @function\n"
        "never_called:\n"
        "    .cfi_startproc\n"
        "    sub $1000, %rsp\n"
        "    .cfi_adjust_cfa_offset 1000\n"
        "    nop\n"
        "    .cfi_endproc\n"
        ".size never_called, . - never_called\n"
        "faults_at_once:\n"
        "    .cfi_startproc\n"
        "    ud2\n"
        "    ret\n"
        "    .cfi_endproc\n"
        ".size faults_at_once, . - faults_at_once\n");
void faults_at_once(void);

STEP void outer(void)
{
    ROOM(40);
    if (!strcmp(label, "first"))
        faults_at_once();
    else
        interrupted();
    NO_TAIL_CALL;
}

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
    stack_t stack = {.ss_sp = malloc(1 << 16), .ss_size = 1 << 16};

    label = argc > 3 ? argv[3] : "";
    if (!strcmp(label, "altstack")) {
        sigaltstack(&stack, NULL);
        action.sa_flags |= SA_ONSTACK;
    }
    sigaction(SIGALRM, &action, NULL);
    sigaction(SIGILL, &action, NULL);
    RUN(argc, argv, outer());
}
