/* Plays a directory of inputs to a fuzz target, so that 'make check' repeats with any compiler what the
 * fuzzer has found and what we gave it to begin with.
 *
 *     replay_<target> [directory]      without one: CORPUS, from the build
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include "fuzz.h"

#define INPUT_BYTES_MAX (1 << 20)
#define PATH_BYTES_MAX 4096

static void
replay_file(const char *path)
{
    static uint8_t buffer[INPUT_BYTES_MAX];
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    size_t bytes = fread(buffer, 1, sizeof buffer, file);
    fclose(file);
    /* Said before, so that whoever reads the log of a crash knows the input. */
    printf("%s: %zu bytes\n", path, bytes);
    fflush(stdout);
    LLVMFuzzerTestOneInput(buffer, bytes);
}

int
main(int argc, char **argv)
{
    const char *corpus = argc > 1 ? argv[1] : CORPUS;
    DIR *dir = opendir(corpus);
    if (dir == NULL) {
        perror(corpus);
        return EXIT_FAILURE;
    }
    unsigned files = 0;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        char path[PATH_BYTES_MAX];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", corpus, entry->d_name);
        replay_file(path);
        files++;
    }
    closedir(dir);
    printf("%u inputs\n", files);
    return files > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
