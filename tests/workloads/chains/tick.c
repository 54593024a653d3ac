/* A library with one small function, for plt.c. */
void tick(void)
{
    __asm__ volatile("");
}
