/* Reading YAML against tables of fields: one bs_field for each key a mapping may have, one reader for each
 * type of value. Every mistake becomes "FILE:LINE: message" with a hint, status BS_USAGE.
 *
 *   static const bs_field fields[] = {
 *       {"count", bs_form_int, offsetof(thing, count), 1, 100, true, NULL, NULL, "Number of things."}};
 *   static const bs_field_table table = {fields, 1};
 *   bs_form_mapping(&form, node, "thing", &table, &thing, lines);
 *
 * Scalars are expanded (expand.h) before they are read. Anchors and aliases are refused, so a document is a
 * tree no larger than its text. */
#ifndef BS_JOB_FORM_H
#define BS_JOB_FORM_H

#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <yaml.h>

typedef struct bs_form {
    const char *path; /* of the file, for messages; borrowed */
    yaml_document_t doc;
} bs_form;

typedef struct bs_field bs_field;
/* Reads `value` into the member of `object` at field->offset. */
typedef bs_status bs_field_reader(bs_form *f, yaml_node_t *value, const bs_field *field, void *object);
struct bs_field {
    const char *key;
    bs_field_reader *read;
    size_t offset;
    double min, max; /* inclusive, for numbers */
    bool required;
    /* For the manual, in Markdown: */
    const char *value;    /* what stands after the colon; NULL: bs_form_value() tells it from `read` */
    const char *fallback; /* what an absent key means, NULL: nothing to say */
    const char *help;     /* sentences; last, so that the compiler warns of a field without it */
};

typedef struct bs_field_table {
    const bs_field *field;
    int n;
} bs_field_table;

/* The sections of job files and their keys, for the manual; "a fault" is one entry of `faults`, "a selector"
 * one of `targets` and `storage`. Ends with a NULL name. In job.c. */
typedef struct bs_job_section {
    const char *name;
    const bs_field_table *keys;
} bs_job_section;
extern const bs_job_section bs_job_sections[];

enum { BS_FORM_MAX_FIELDS = 32 };

/* Parses text[0..len) and checks that it is one document whose root is a mapping. bs_form_close() afterwards,
 * also after a failure of anything but this function. */
bs_status bs_form_open(bs_form *f, const char *path, const char *text, size_t len);
void bs_form_close(bs_form *f);
yaml_node_t *bs_form_root(bs_form *f);

int bs_form_line(const yaml_node_t *node);
bs_status bs_form_fail(const bs_form *f, int line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Reads a mapping. `what` names it in messages ("preprocess"). lines[i], if not NULL, receives the line of
 * key i, 0 where it is absent. Unknown, repeated and missing keys are errors. */
bs_status bs_form_mapping(bs_form *f, yaml_node_t *node, const char *what, const bs_field_table *table,
                          void *object, int *lines);
/* Returns item i of a sequence, or the node itself as the only item of a list of one; bs_form_count() items.
 */
int bs_form_count(const yaml_node_t *node);
yaml_node_t *bs_form_item(bs_form *f, yaml_node_t *node, int i);

/* Copies the expanded text of a scalar; `what` names the value, `wanted` says what it must be. Caller frees.
 */
bs_status bs_form_scalar(char **out, bs_form *f, const yaml_node_t *node, const char *what,
                         const char *wanted);
/* Fails with "FILE:LINE: 'key' must be WANTED, not 'text'" (or "not a list"). */
bs_status bs_form_wrong(const bs_form *f, const yaml_node_t *node, const char *what, const char *wanted,
                        const char *text);
/* Hints "did you mean 'x'?", or lists all names where none is near. Returns the status of the error recorded
 * last. */
bs_status bs_form_suggest(const char *name, const char *const *names, size_t n, const char *what);

/* Reads a number: decimal, or a fraction a/b; finite, within min..max. */
bs_status bs_form_number(double *out, bs_form *f, const yaml_node_t *node, const char *what, double min,
                         double max);
/* Reads a whole number within min..max. */
bs_status bs_form_integer(int64_t *out, bs_form *f, const yaml_node_t *node, const char *what, int64_t min,
                          int64_t max);

/* Finds the position in `names` of the scalar's text. `thing` names it in messages: "unknown fault 'x'". */
bs_status bs_form_name(int *out, bs_form *f, yaml_node_t *value, const char *what, const char *thing,
                       const char *const *names, int n);

/* Readers by the member's type. */
bs_field_reader bs_form_text;   /* char *, not empty */
bs_field_reader bs_form_path;   /* char *, resolved against the job file */
bs_field_reader bs_form_int;    /* int */
bs_field_reader bs_form_int64;  /* int64_t */
bs_field_reader bs_form_uint32; /* uint32_t */
bs_field_reader bs_form_uint64; /* uint64_t, decimal or 0x; min and max unused */
bs_field_reader bs_form_float;  /* float */
bs_field_reader bs_form_double; /* double */
bs_field_reader bs_form_bool;   /* bool */

/* Writes what a key takes, "a whole number from 0 to 255", for the manual: field->value, or what one of the
 * readers above takes. Returns false if neither says it. */
bool bs_form_value(bs_str *out, const bs_field *field);

#endif
