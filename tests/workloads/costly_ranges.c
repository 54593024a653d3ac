/* Debug information of half a megabyte that takes gigabytes to read: 40,000 units, each of which names the
 * same list of 5,000 ranges of addresses as its own. By itself the program does nothing but work. */

__asm__(".section .debug_abbrev,\"\",@progbits\n"
        ".byte 1,0x11,0, 0x55,0x17, 0x11,1, 0,0, 0\n"
        ".section .debug_info,\"\",@progbits\n"
        ".rept 40000\n"
        ".long 20\n" /* bytes that follow */
        ".short 4\n" /* DWARF 4 */
        ".long 0\n"
        ".byte 8, 1\n"
        ".long 0\n" /* DW_AT_ranges */
        ".quad 0\n"
        ".endr\n"
        ".section .debug_ranges,\"\",@progbits\n"
        ".rept 5000\n"
        ".quad 0x1000, 0x2000\n"
        ".endr\n"
        ".quad 0, 0\n"
        ".text\n");

__attribute__((noinline)) static unsigned works_with_costly_names(unsigned turns)
{
    for (unsigned i = 0; i < 100000; i++)
        __asm__ volatile("imul %0, %0" : "+r"(turns));
    return turns;
}

int main(void)
{
    for (unsigned turns = 1;;)
        turns += works_with_costly_names(turns);
}
