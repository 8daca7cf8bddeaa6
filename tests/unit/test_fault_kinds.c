/* Proves that each kind of fault does what the list of kinds says, and that the result file says the same.
 * */
#include "support/testing.h"

#include "fault.h"
#include "store/schema.h"

#include <string.h>

/* A kind that is not here has no test of what it does. */
static void kinds_do_what_they_say(void **state)
{
    static const struct {
        const char *name;
        bool bitwise, permanent, random;
        bs_fault_parameter parameter;
        uint32_t of_zeros, of_ones; /* what becomes of these, where mask is 0xf0 and the word 0x1234 */
    } kinds[] = {
        {"flip", true, false, false, BS_FAULT_TAKES_NONE, 0xf0, 0xffffff0f},
        {"stuck-at-0", true, true, false, BS_FAULT_TAKES_NONE, 0, 0xffffff0f},
        {"stuck-at-1", true, true, false, BS_FAULT_TAKES_NONE, 0xf0, 0xffffffff},
        {"set", false, false, false, BS_FAULT_TAKES_VALUE, 0x1234, 0x1234},
        {"zero", false, false, false, BS_FAULT_TAKES_NONE, 0, 0},
        {"random", false, false, true, BS_FAULT_TAKES_RANGE, 0x1234, 0x1234},
        {"none", false, false, false, BS_FAULT_TAKES_NONE, 0, 0xffffffff},
    };
    (void)state;
    assert_int_equal(sizeof kinds / sizeof *kinds, BS_FAULT_KIND_COUNT);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        bs_fault_kind kind = bs_fault_kind_find(kinds[i].name);
        assert_true(kind < BS_FAULT_KIND_COUNT);
        assert_string_equal(bs_fault_kind_name(kind), kinds[i].name);
        bs_fault_traits t = bs_fault_traits_of(kind);
        assert_true(t.bitwise == kinds[i].bitwise && t.permanent == kinds[i].permanent);
        assert_true(t.random == kinds[i].random && t.parameter == kinds[i].parameter);
        bs_site s = bs_fault_effect(kind, 7, 0xf0, 0x1234);
        assert_int_equal(s.element, 7);
        assert_int_equal(bs_site_apply(s, 0), kinds[i].of_zeros);
        assert_int_equal(bs_site_apply(s, 0xffffffffu), kinds[i].of_ones);
    }
    assert_int_equal(bs_fault_kind_find("flop"), BS_FAULT_KIND_COUNT);
}

/* The view fault_kind has a row for each kind, and no other. */
static void the_view_is_the_list(void **state)
{
    static const char *const meanings[] = {
#define X(suffix, name, bitwise, permanent, random, parameter, keep, toggle, meaning) meaning,
        BS_FAULT_KINDS(X)
#undef X
    };
    static const char *const keys[] = {
#define X(suffix, key) key,
        BS_FAULT_PARAMETERS(X)
#undef X
    };
    bs_db db = {0};
    sqlite3_stmt *q;
    bool row;
    (void)state;
    assert_ok(bs_schema_open_all(&db));
    assert_ok(bs_db_prepare(
        &q, &db, "SELECT kind, bitwise, permanent, random, ifnull(parameter, ''), meaning FROM fault_kind"));
    for (int k = 0; k < BS_FAULT_KIND_COUNT; k++) {
        bs_fault_traits t = bs_fault_traits_of((bs_fault_kind)k);
        assert_ok(bs_db_step(&db, q, &row));
        assert_true(row);
        assert_string_equal(sqlite3_column_text(q, 0), bs_fault_kind_name((bs_fault_kind)k));
        assert_int_equal(sqlite3_column_int(q, 1), t.bitwise);
        assert_int_equal(sqlite3_column_int(q, 2), t.permanent);
        assert_int_equal(sqlite3_column_int(q, 3), t.random);
        assert_string_equal(sqlite3_column_text(q, 4), keys[t.parameter]);
        assert_string_equal(sqlite3_column_text(q, 5), meanings[k]);
    }
    assert_ok(bs_db_step(&db, q, &row));
    assert_false(row);
    sqlite3_finalize(q);
    sqlite3_close(db.handle);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_do_what_they_say),
        cmocka_unit_test(the_view_is_the_list),
    };
    return run_suite(tests, NULL, NULL);
}
