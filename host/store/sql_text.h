/* Reading SQL as text: the comments of schema/, and statements that differ in comments alone. */
#ifndef BS_STORE_SQL_TEXT_H
#define BS_STORE_SQL_TEXT_H

#include <stdbool.h>

/* Returns true if two statements are alike but for comments and white space outside quotes. One of the two
 * must be of schema/: names in backquotes or brackets, which it does not use, are not known as quotes. */
bool bs_sql_same(const char *a, const char *b);
/* Returns the comment above the statement in `sql` that makes the table or view `name`: lines that start with
 * "--" directly above a line that starts with CREATE. NULL: there is none. */
const char *bs_sql_comment(const char *sql, const char *name);

#endif
