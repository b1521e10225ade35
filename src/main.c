/* main.c - wires the parts together and owns the threads. */

int
main(void)
{
    return 0;
}
