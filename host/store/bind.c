#include "base/text.h"
#include "store/store_internal.h"

#include <string.h>

bs_status bs_bind_utf8(sqlite3_stmt *q, int index, const char *text)
{
    bs_str valid = {0};
    bs_status st = BS_OK;
    if (!text || bs_utf8_valid(text)) {
        sqlite3_bind_text(q, index, text, -1, SQLITE_TRANSIENT);
        return BS_OK;
    }
    bs_str_utf8(&valid, text);
    BS_TRY_GOTO(bs_str_status(&valid), out);
    sqlite3_bind_text(q, index, valid.ptr, -1, SQLITE_TRANSIENT);
out:
    bs_str_clear(&valid);
    return st;
}

void bs_bind_path(sqlite3_stmt *q, int index, const char *path)
{
    if (!path || bs_utf8_valid(path))
        sqlite3_bind_text(q, index, path, -1, SQLITE_TRANSIENT);
    else
        sqlite3_bind_blob(q, index, path, (int)strlen(path), SQLITE_TRANSIENT);
}
