#include "base/resources.h"

#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* Finds the cgroup that this process is in: of version 2 if `controller` is NULL, else of that controller in
 * version 1. `out` is "" for the root. */
static void own_cgroup(const char *controller, char *out, size_t len)
{
    char line[1024];
    FILE *f = fopen("/proc/self/cgroup", "r");
    snprintf(out, len, "%s", "");
    while (f && fgets(line, sizeof line, f)) {
        char *names = strchr(line, ':');
        char *path = names ? strchr(names + 1, ':') : NULL;
        if (!path)
            continue;
        *path++ = '\0';
        path[strcspn(path, "\n")] = '\0';
        if (names[1] == '\0' ? controller == NULL : controller && strstr(names + 1, controller))
            snprintf(out, len, "%s", strcmp(path, "/") == 0 ? "" : path);
    }
    if (f)
        fclose(f);
}

/* Reads up to two numbers from the file BASE/GROUP/FILE of the process's own group and of each parent up to
 * the root, and keeps the pair with the smallest quotient. "max" is no limit. Returns 1 if a limit was
 * found. */
static int smallest_limit(const char *base, const char *group, const char *file, double *a, double *b)
{
    char path[1400], dir[1024];
    int found = 0;
    snprintf(dir, sizeof dir, "%s", group);
    for (;;) {
        double x = 0, y = 1;
        snprintf(path, sizeof path, "%s%s/%s", base, dir, file);
        FILE *f = fopen(path, "r");
        int n = f ? fscanf(f, "%lf %lf", &x, &y) : 0;
        if (f)
            fclose(f);
        if (n >= 1 && x > 0 && (!found || x / y < *a / *b)) {
            *a = x;
            *b = n == 2 ? y : 1;
            found = 1;
        }
        char *slash = strrchr(dir, '/');
        if (!slash)
            return found;
        *slash = '\0';
    }
}

static double cgroup_cores(void)
{
    char group[1024];
    double quota, period;
    own_cgroup(NULL, group, sizeof group);
    if (smallest_limit("/sys/fs/cgroup", group, "cpu.max", &quota, &period))
        return quota / period;
    own_cgroup("cpu,", group, sizeof group);
    double one = 1, v1_period = 1;
    if (smallest_limit("/sys/fs/cgroup/cpu", group, "cpu.cfs_quota_us", &quota, &one) &&
        smallest_limit("/sys/fs/cgroup/cpu", group, "cpu.cfs_period_us", &v1_period, &one))
        return quota / v1_period;
    return 0;
}

int bs_resources_cores(void)
{
    cpu_set_t set;
    int n =
        sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : (int)sysconf(_SC_NPROCESSORS_ONLN);
    double quota = cgroup_cores();
    if (quota > 0 && quota < n)
        n = (int)(quota + 0.5);
    return n < 1 ? 1 : n;
}

size_t bs_resources_memory(void)
{
    double available = 0, limit, one;
    char line[256], group[1024];
    FILE *f = fopen("/proc/meminfo", "r");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "MemAvailable: %lf kB", &available) == 1)
            break;
    if (f)
        fclose(f);
    available = available > 0 ? available * 1024 : 1e9;
    own_cgroup(NULL, group, sizeof group);
    if (smallest_limit("/sys/fs/cgroup", group, "memory.max", &limit, &one) && limit < available)
        available = limit;
    own_cgroup("memory", group, sizeof group);
    if (smallest_limit("/sys/fs/cgroup/memory", group, "memory.limit_in_bytes", &limit, &one) &&
        limit < available)
        available = limit;
    return (size_t)available;
}

size_t bs_resources_peak(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (size_t)usage.ru_maxrss << 10 : 0;
}

double bs_resources_clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

bs_status bs_resources_room(size_t bytes, const char *what)
{
    void *room = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (room == MAP_FAILED)
        return bs_oom(what);
    munmap(room, bytes);
    return BS_OK;
}
