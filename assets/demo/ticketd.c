/* Fights over one lock: eight clerks sell seats of one hall, and whoever sells keeps the seat map
 * locked while the printer works. Sells for as many seconds as it is told. */

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define CLERKS 8
#define SEATS 40000
#define PRINT_US 1500

static pthread_mutex_t seat_map = PTHREAD_MUTEX_INITIALIZER;
static uint32_t seats[SEATS];
static time_t closing;

static uint32_t choose_seat(void)
{
	uint32_t best = 0;
	for (uint32_t seat = 1; seat < SEATS; seat++)
		if (seats[seat] < seats[best])
			best = seat;
	return best;
}

/* Functions of their own, for the C library has no frame pointers: a stack that ends in it lacks the
 * function that called it. */
static void lock_seat_map(void)
{
	pthread_mutex_lock(&seat_map);
}

static void unlock_seat_map(void)
{
	pthread_mutex_unlock(&seat_map);
}

static void wait_for_printer(void)
{
	usleep(PRINT_US);
}

static void print_ticket(uint32_t seat)
{
	seats[seat]++;
	wait_for_printer();
}

static void sell_ticket(void)
{
	lock_seat_map();
	print_ticket(choose_seat());
	unlock_seat_map();
}

static void *clerk(void *unused)
{
	while (time(NULL) < closing)
		sell_ticket();
	return unused;
}

int main(int count, char **args)
{
	pthread_t clerks[CLERKS];
	closing = time(NULL) + (count > 1 ? atoi(args[1]) : 10);
	for (int i = 1; i < CLERKS; i++)
		if (pthread_create(&clerks[i], NULL, clerk, NULL) != 0)
			return 1;
	clerk(NULL);
	for (int i = 1; i < CLERKS; i++)
		pthread_join(clerks[i], NULL);
}
