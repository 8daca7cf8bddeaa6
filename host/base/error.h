/* Errors: every function that can fail returns a bs_status; the message and an optional hint are in a
 * thread-local record, which the caller prints or passes on. */
#ifndef BS_BASE_ERROR_H
#define BS_BASE_ERROR_H

/* Status codes. The exit code of the program is the negated value, except for BS_NO_MEMORY (1). */
typedef enum bs_status {
    BS_OK = 0,
    BS_ERR = -1,            /* anything not listed below */
    BS_USAGE = -2,          /* bad command line or job file */
    BS_STOPPED = -3,        /* interrupted; finished work is stored, and running again continues */
    BS_NO_DEVICE = -4,      /* no device, or the device was lost */
    BS_SELFTEST = -5,       /* replay is not exact on this machine */
    BS_DIFFERS = -6,        /* the campaigns compared differ */
    BS_NOTHING_COMMON = -7, /* nothing was compared, or there is nothing to check */
    BS_LIMIT = -8,          /* a rate's interval is beyond its limit */
    BS_OPEN = -9,           /* none is, but the data do not decide about one, or trials are missing */
    BS_NO_MEMORY = -100,    /* of the host or the device; a caller may continue with less */
} bs_status;

/* Records the message, clears the hint and returns `status`, so that `return bs_fail(...)` works. */
bs_status bs_fail(bs_status status, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Adds a hint to the error recorded last ("hint: ..." on its own line); returns that error's status. */
bs_status bs_hint(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Prefixes the recorded message with context ("tests/a.yaml: ...") and returns the recorded status. */
bs_status bs_context(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Fails with BS_NO_MEMORY and the message "WHAT: out of memory". */
bs_status bs_oom(const char *what);
/* Adds a hint about limits of memory; returns the status of the error recorded last. */
bs_status bs_hint_memory(void);

/* Return the message and the hint recorded last on this thread, "" if there is none. Valid until the next
 * error on the thread. */
const char *bs_error_message(void);
const char *bs_error_hint(void);
bs_status bs_error_status(void);
void bs_error_clear(void);

/* A copy of the record, to hand an error from a worker thread to the thread that reports it. */
typedef struct bs_error {
    bs_status status;
    char message[1024];
    char hint[512];
} bs_error;
void bs_error_save(bs_error *out);
bs_status bs_error_restore(const bs_error *e);

#define BS_TRY(x)                                                                                            \
    do {                                                                                                     \
        bs_status bs_try_status_ = (x);                                                                      \
        if (bs_try_status_ != BS_OK)                                                                         \
            return bs_try_status_;                                                                           \
    } while (0)

/* For functions with a `bs_status st` and one `out:` label. */
#define BS_TRY_GOTO(x, label)                                                                                \
    do {                                                                                                     \
        st = (x);                                                                                            \
        if (st != BS_OK)                                                                                     \
            goto label;                                                                                      \
    } while (0)

#endif
