/* Looks for a configuration file that nobody installed, in every place it might be, again and again. */

#include <fcntl.h>
#include <stddef.h>
#include <unistd.h>

static const char *const PLACES[] = {
	"/etc/shop/features.toml",
	"/usr/local/etc/shop/features.toml",
	"/srv/demo/config/features.toml",
};

static void look_for_config(void)
{
	for (size_t i = 0; i < sizeof PLACES / sizeof *PLACES; i++) {
		int file = open(PLACES[i], O_RDONLY | O_CLOEXEC);
		if (file >= 0)
			close(file);
	}
}

/* A function of its own, for the C library has no frame pointers: a stack that ends in it lacks the
 * function that called it. */
static void wait_a_little(void)
{
	usleep(200 * 1000);
}

int main(void)
{
	for (;;) {
		look_for_config();
		wait_a_little();
	}
}
