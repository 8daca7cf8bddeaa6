/* The sections of the report, in order. Text only; report.c writes it. */
#ifndef BS_REPORT_SECTIONS_H
#define BS_REPORT_SECTIONS_H

#include <stdbool.h>

typedef struct bs_section_table {
    const char *caption, *view; /* view is report_VIEW of schema/report.sql; NULL caption: no table */
    bool fold;                  /* a long table: closed until clicked */
} bs_section_table;

enum { BS_SECTION_TABLES = 5 };

typedef struct bs_section {
    const char *id, *title, *text;
    const char *figure, *figure_text; /* a name of BS_FIGURES, or NULL */
    bs_section_table tables[BS_SECTION_TABLES];
    const char *only_if; /* SQL: the section is left out if this is 0; NULL: never */
} bs_section;

extern const bs_section bs_report_sections[];
extern const int bs_report_n_sections;

#endif
