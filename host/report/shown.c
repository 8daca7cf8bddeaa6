#include "report/shown.h"

#include "campaign/golden_accuracy.h"
#include "report/figure.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST = 12, MOST_OF_PERCENT = 4 }; /* decimals */

/* Returns the decimals that leave two significant digits of an interval, at most `most`; -1 without one. */
static int decimals(double low, double high, int most)
{
    double width = high - low;
    if (!(width > 0) || !isfinite(width))
        return -1;
    double d = 1 - floor(log10(width));
    return d < 0 ? 0 : d > most ? most : (int)d;
}

/* Appends a decimal number with commas between thousands. */
static void put_grouped(bs_str *out, const char *text)
{
    size_t sign = strspn(text, "-"), whole = strspn(text + sign, "0123456789");
    bs_str_append(out, text, sign);
    for (size_t i = 0; i < whole; i++) {
        if (i && (whole - i) % 3 == 0)
            bs_str_puts(out, ",");
        bs_str_append(out, text + sign + i, 1);
    }
    bs_str_puts(out, text + sign + whole);
}

/* `end`: what only an exact value is rounded to, besides 0, if `most` decimals tell it apart; 100 for
 * percent, else infinite. */
static void put_rounded(bs_str *out, double x, int d, double end, int most)
{
    char text[400];
    if (d < 0)
        snprintf(text, sizeof text, "%.3g", x);
    else
        snprintf(text, sizeof text, "%.*f", d, x);
    double read = strtod(text, NULL);
    if (x > 0 && read <= 0)
        snprintf(text, sizeof text, "%.1g", x);
    else if (x < end && read >= end && -log10(end - x) <= most)
        snprintf(text, sizeof text, "%.*f", (int)ceil(-log10(end - x)), x);
    else if (d < 0 && x >= 1000 && x < 1e15)
        snprintf(text, sizeof text, "%.0f", x);
    put_grouped(out, strtod(text, NULL) < 0 || *text != '-' ? text : text + 1);
}

void bs_shown_number(bs_str *out, double x, double low, double high)
{
    put_rounded(out, x, decimals(low, high, MOST), INFINITY, 0);
}

void bs_shown_percent(bs_str *out, double share, double low, double high)
{
    put_rounded(out, 100 * share, decimals(100 * low, 100 * high, MOST_OF_PERCENT), 100, MOST_OF_PERCENT);
    bs_str_puts(out, " %");
}

static void put_interval(bs_str *out, double low, double high, int most, double end)
{
    int d = decimals(low, high, most);
    if (low > 0 && low < pow(10, -most))
        low = 0;
    put_rounded(out, low, d, end, MOST); /* never rounded up to all */
    bs_str_puts(out, " to ");
    put_rounded(out, high, d, INFINITY, 0);
}

void bs_shown_interval(bs_str *out, double low, double high)
{
    put_interval(out, low, high, MOST, INFINITY);
}

void bs_shown_percents(bs_str *out, double low, double high)
{
    put_interval(out, 100 * low, 100 * high, MOST_OF_PERCENT, 100);
    bs_str_puts(out, " %");
}

void bs_shown_rate(bs_str *out, double share, double low, double high)
{
    bool exact = isnan(low) || isnan(high);
    bs_str_puts(out, exact ? "exactly " : "");
    bs_shown_percent(out, share, low, high);
    if (exact)
        return;
    bs_str_puts(out, " (");
    bs_shown_percents(out, low, high);
    bs_str_puts(out, ")");
}

void bs_shown_time(bs_str *out, const char *utc)
{
    struct tm tm = {0}, local;
    char date[80];
    int end = 0;
    if (sscanf(utc, "%d-%d-%dT%d:%d:%dZ%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min,
               &tm.tm_sec, &end) == 6 &&
        end && !utc[end]) {
        tm.tm_year -= 1900;
        tm.tm_mon--;
        time_t t = timegm(&tm);
        if (localtime_r(&t, &local) && strftime(date, sizeof date, "%B %Y, %H:%M %Z", &local)) {
            bs_str_printf(out, "%d %s", local.tm_mday, date);
            return;
        }
    }
    bs_str_puts(out, utc);
}

/* Appends a number as the shortest decimal that is the same float32; other words as they are. */
static void put_float32(bs_str *out, const char *word)
{
    char *end, text[32];
    float v = strtof(word, &end);
    if (*end || end == word) {
        bs_str_puts(out, word);
        return;
    }
    for (int digits = 1; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)v);
        if (!(strtof(text, NULL) < v || strtof(text, NULL) > v))
            break;
    }
    bs_str_puts(out, text);
}

/* Returns true for a part whose every number is `idle`. */
static bool all_are(const char *part, const char *name, const char *idle)
{
    size_t n = strlen(name);
    if (strncmp(part, name, n) != 0 || (part[n] && part[n] != ' '))
        return false;
    for (part += n; *part;) {
        part += strspn(part, " x");
        size_t word = strcspn(part, " x");
        if (word != strlen(idle) || strncmp(part, idle, word) != 0)
            return false;
        part += word;
    }
    return true;
}

static bool does_nothing(const char *part)
{
    return all_are(part, "resize-short", "0") || all_are(part, "crop-fraction", "0") ||
           all_are(part, "resize", "0") || all_are(part, "crop", "0") || all_are(part, "scale", "1") ||
           all_are(part, "mean", "0") || all_are(part, "std", "1");
}

void bs_shown_preprocess(bs_str *out, const char *text)
{
    char *parts = strdup(text), *save = NULL, *inner = NULL;
    size_t start = out->len;
    if (!parts) {
        out->oom = 1;
        return;
    }
    for (char *part = strtok_r(parts, ",", &save); part; part = strtok_r(NULL, ",", &save)) {
        part += strspn(part, " ");
        if (does_nothing(part))
            continue;
        bs_str_puts(out, out->len > start ? ", " : "");
        const char *space = "";
        for (char *word = strtok_r(part, " ", &inner); word; word = strtok_r(NULL, " ", &inner)) {
            bs_str_puts(out, space);
            put_float32(out, word);
            space = " ";
        }
    }
    free(parts);
}

/* --- The same in SQL --- */

enum { SHOWN, PERCENT, RATE, INTERVAL, PERCENTS, TIME, PREPROCESS };

static double number(sqlite3_value *v)
{
    return sqlite3_value_type(v) == SQLITE_NULL ? NAN : sqlite3_value_double(v);
}

static void give(sqlite3_context *context, bs_str *text)
{
    if (bs_str_status(text) != BS_OK)
        sqlite3_result_error_nomem(context);
    else
        sqlite3_result_text(context, text->ptr ? text->ptr : "", -1, SQLITE_TRANSIENT);
    bs_str_clear(text);
}

static void show(sqlite3_context *context, int n, sqlite3_value **v)
{
    bs_str text = {0};
    if (sqlite3_value_type(v[0]) == SQLITE_NULL)
        return;
    switch (*(const int *)sqlite3_user_data(context)) {
    case SHOWN:
        bs_shown_number(&text, number(v[0]), number(v[1]), number(v[n - 1]));
        break;
    case PERCENT:
        bs_shown_percent(&text, number(v[0]), number(v[1]), number(v[n - 1]));
        break;
    case RATE:
        bs_shown_rate(&text, number(v[0]), number(v[1]), number(v[n - 1]));
        break;
    case INTERVAL:
        bs_shown_interval(&text, number(v[0]), number(v[1]));
        break;
    case PERCENTS:
        bs_shown_percents(&text, number(v[0]), number(v[1]));
        break;
    case TIME:
        bs_shown_time(&text, (const char *)sqlite3_value_text(v[0]));
        break;
    default:
        bs_shown_preprocess(&text, (const char *)sqlite3_value_text(v[0]));
    }
    give(context, &text);
}

/* Leaves out the number of trials, which comes last. */
static void fault(sqlite3_context *context, int n, sqlite3_value **v)
{
    bs_str text = {0};
    (void)n;
    if (bs_figure_put_fault(&text, sqlite3_user_data(context), sqlite3_value_int64(v[0])) != BS_OK) {
        sqlite3_result_error(context, bs_error_message(), -1);
        bs_str_clear(&text);
        return;
    }
    char *last = text.ptr ? strrchr(text.ptr, ',') : NULL;
    if (last && strstr(last, " trials"))
        *last = 0;
    give(context, &text);
}

static void shorten(sqlite3_context *context, int n, sqlite3_value **v)
{
    const char *label = (const char *)sqlite3_value_text(v[0]);
    (void)n;
    if (label)
        sqlite3_result_text(context, bs_common_path_cut(sqlite3_user_data(context), label), -1,
                            SQLITE_TRANSIENT);
}

static void low_accuracy(sqlite3_context *context, int n, sqlite3_value **v)
{
    const bs_golden_accuracy a = {.labelled = (uint64_t)sqlite3_value_int64(v[1]),
                                  .correct = (uint64_t)sqlite3_value_int64(v[0])};
    (void)n;
    sqlite3_result_int(context, bs_golden_accuracy_is_low(&a, sqlite3_value_int(v[2])));
}

bs_status bs_shown_functions(const bs_db *db, const bs_common_path *path)
{
    static const int what[] = {SHOWN, PERCENT, RATE, INTERVAL, PERCENTS, TIME, PREPROCESS};
    const struct {
        const char *name;
        int n;
        const void *data;
        void (*call)(sqlite3_context *, int, sqlite3_value **);
    } functions[] = {
        {"shown", 3, &what[SHOWN], show},
        {"percent", 3, &what[PERCENT], show},
        {"rate", 3, &what[RATE], show},
        {"interval", 2, &what[INTERVAL], show},
        {"percents", 2, &what[PERCENTS], show},
        {"local_time", 1, &what[TIME], show},
        {"preprocessing", 1, &what[PREPROCESS], show},
        {"low_accuracy", 3, NULL, low_accuracy},
        {"fault", 1, db, fault},
        {"short", 1, path, shorten},
    };
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (sqlite3_create_function(db->handle, functions[i].name, functions[i].n, SQLITE_UTF8,
                                    (void *)functions[i].data, functions[i].call, NULL, NULL) != SQLITE_OK)
            return bs_db_fail(db, "read");
    return BS_OK;
}
