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

/* Takes the last part off the name of a group; returns false if it was the root. */
static bool to_parent(char *group)
{
    char *slash = strrchr(group, '/');
    if (slash)
        *slash = '\0';
    return slash != NULL;
}

/* Reads up to two numbers from the file BASE/GROUP/FILE of the process's own group and of each parent up to
 * the root, and keeps the pair with the smallest quotient. "max" is no limit. Returns 1 if a limit was
 * found. */
static int smallest_limit(const char *base, const char *group, const char *file, double *a, double *b)
{
    char path[1400], dir[1024];
    int found = 0;
    snprintf(dir, sizeof dir, "%s", group);
    do {
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
    } while (to_parent(dir));
    return found;
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

/* Returns the number behind `name` at the start of a line of a file, 0 if there is none. */
static double number_in(const char *path, const char *name)
{
    char line[256];
    double value = 0;
    size_t n = strlen(name);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, name, n) == 0 && sscanf(line + n, "%lf", &value) == 1)
            break;
    if (f)
        fclose(f);
    return value;
}

/* Lowers *room to what the limits of a group and of its parents leave. Of what counts against a limit, the
 * number `held` in memory.stat is taken; the rest is mostly copies of files, which the system takes back. */
static void cgroup_room(double *room, const char *base, const char *group, const char *file, const char *held)
{
    char path[1400], dir[1024];
    snprintf(dir, sizeof dir, "%s", group);
    do {
        snprintf(path, sizeof path, "%s%s/%s", base, dir, file);
        double limit = number_in(path, "");
        snprintf(path, sizeof path, "%s%s/memory.stat", base, dir);
        if (limit > 0 && limit - number_in(path, held) < *room)
            *room = limit - number_in(path, held);
    } while (to_parent(dir));
}

static bool has_limit(int resource, struct rlimit *out)
{
    return getrlimit(resource, out) == 0 && out->rlim_cur != RLIM_INFINITY;
}

bool bs_resources_limited(void)
{
    struct rlimit limit;
    return has_limit(RLIMIT_AS, &limit) || has_limit(RLIMIT_DATA, &limit);
}

/* Lowers *room to what a limit of this process leaves; /proc/self/status says in line `held` what counts. */
static void limit_room(double *room, int resource, const char *held)
{
    struct rlimit limit;
    if (!has_limit(resource, &limit))
        return;
    double left = (double)limit.rlim_cur - 1024 * number_in("/proc/self/status", held);
    if (left < *room)
        *room = left;
}

size_t bs_resources_memory(void)
{
    char group[1024];
    double room = 1024 * number_in("/proc/meminfo", "MemAvailable:");
    if (room <= 0)
        room = 1e9;
    own_cgroup(NULL, group, sizeof group);
    cgroup_room(&room, "/sys/fs/cgroup", group, "memory.max", "anon ");
    own_cgroup("memory", group, sizeof group);
    cgroup_room(&room, "/sys/fs/cgroup/memory", group, "memory.limit_in_bytes", "total_rss ");
    limit_room(&room, RLIMIT_AS, "VmSize:");
    limit_room(&room, RLIMIT_DATA, "VmData:");
    return room > 0 ? (size_t)room : 0;
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

void bs_resources_utc(char out[BS_UTC_TEXT], time_t when)
{
    struct tm utc;
    out[0] = '\0';
    if (gmtime_r(&when, &utc) && strftime(out, BS_UTC_TEXT, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0)
        out[0] = '\0';
}
