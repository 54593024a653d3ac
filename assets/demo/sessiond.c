/* Leaks: keeps every session it ever saw, in a table that never grows with them. So each look-up
 * walks a longer chain than the last: it takes more memory and more CPU the longer it runs. */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUCKETS 16
#define REQUESTS_A_TURN 40
#define TURN_US (50 * 1000)

struct session {
	struct session *next;
	uint64_t id;
	char token[40];
	char page[1500];
};

static struct session *table[BUCKETS];
static uint64_t seen;

static int same_token(const struct session *session, const char *token)
{
	return strcmp(session->token, token) == 0;
}

static struct session *find_session(uint64_t id, const char *token)
{
	for (struct session *session = table[id % BUCKETS]; session; session = session->next)
		if (same_token(session, token))
			return session;
	return NULL;
}

static void render_page(struct session *session)
{
	for (size_t i = 0; i < sizeof session->page; i++)
		session->page[i] = 'a' + (char)((session->id * 31 + i * i) % 26);
}

static struct session *remember_session(uint64_t id, const char *token)
{
	struct session *session = malloc(sizeof *session);
	if (!session)
		exit(1);
	session->id = id;
	strcpy(session->token, token);
	render_page(session);
	session->next = table[id % BUCKETS];
	table[id % BUCKETS] = session;
	return session;
}

static void serve_request(uint64_t id)
{
	char token[40];
	snprintf(token, sizeof token, "session-%020llu", (unsigned long long)id);
	if (!find_session(id, token))
		remember_session(id, token);
}

static void report_memory(void)
{
	char line[128];
	FILE *file = fopen("/proc/self/statm", "r");
	if (!file)
		return;
	if (fgets(line, sizeof line, file))
		printf("%s", line);
	fclose(file);
}

/* A function of its own, for the C library has no frame pointers: a stack that ends in it lacks the
 * function that called it. */
static void wait_for_requests(void)
{
	usleep(TURN_US);
}

static void serve_turn(void)
{
	for (int request = 0; request < REQUESTS_A_TURN; request++)
		serve_request(seen++);
	wait_for_requests();
}

int main(void)
{
	for (uint64_t turn = 0;; turn++) {
		serve_turn();
		if (turn % 10 == 0)
			report_memory();
	}
}
