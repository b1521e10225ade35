#include "load/process.h"

#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static bool
read_clock(uint32_t pid, struct process_usage *u)
{
    clockid_t id;
    struct timespec t;
    if (clock_getcpuclockid((pid_t)pid, &id) != 0 || clock_gettime(id, &t) != 0)
        return false;
    u->cpu_s = (double)t.tv_sec + (double)t.tv_nsec / 1e9;
    return true;
}

/* utime and stime are the 14th and 15th field; the 2nd, the name, may hold blanks and parentheses.
 */
static bool
read_split(uint32_t pid, struct process_usage *u)
{
    char path[40];
    char text[1024];
    snprintf(path, sizeof(path), "/proc/%u/stat", pid);
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return false;
    size_t n = fread(text, 1, sizeof(text) - 1, f);
    fclose(f);
    text[n] = '\0';
    const char *after_name = strrchr(text, ')');
    unsigned long user, system;
    if (after_name == NULL ||
        sscanf(after_name + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
               &system) != 2)
        return false;
    double tick_s = 1.0 / (double)sysconf(_SC_CLK_TCK);
    u->user_s = (double)user * tick_s;
    u->system_s = (double)system * tick_s;
    return true;
}

static bool
read_memory(uint32_t pid, struct process_usage *u)
{
    char path[40];
    char line[256];
    unsigned found = 0;
    snprintf(path, sizeof(path), "/proc/%u/status", pid);
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return false;
    while (fgets(line, sizeof(line), f) != NULL) {
        unsigned long kib;
        if (sscanf(line, "VmRSS: %lu", &kib) == 1) {
            u->rss_bytes = (uint64_t)kib << 10;
            found++;
        } else if (sscanf(line, "VmHWM: %lu", &kib) == 1) {
            u->rss_peak_bytes = (uint64_t)kib << 10;
            found++;
        }
    }
    fclose(f);
    return found == 2;
}

bool
process_sample(uint32_t pid, struct process_usage *u)
{
    *u = (struct process_usage){0};
    return read_clock(pid, u) && read_split(pid, u) && read_memory(pid, u);
}
