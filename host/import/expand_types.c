/* Operators whose meaning depends on the types of values. */
#include "import/steps.h"

#include <math.h>

#define TYPE(x) ONNX__TENSOR_PROTO__DATA_TYPE__##x

static bs_status cast(bs_raw *r, bs_value **y, bs_value *x, int64_t to)
{
    bs_step_attr a = bs_attr_of_int("to", to);
    return bs_step(r, y, "Cast", &x, 1, &a, 1);
}

static bool is_whole(const bs_value *v)
{
    return v->kind == BS_VALUE_INTS || (v->kind == BS_VALUE_ACTIVATION && v->number == BS_NUMBER_WHOLE);
}

static int64_t type_of(const bs_value *v)
{
    if (v->kind == BS_VALUE_INTS && v->type)
        return v->type;
    if (v->kind == BS_VALUE_ACTIVATION && v->number == BS_NUMBER_TRUTH)
        return TYPE(BOOL);
    return is_whole(v) ? TYPE(INT64) : bs_type_of_stored(v->dtype);
}

bs_status bs_expand_cast_like(bs_raw *r, bool *done)
{
    (void)done;
    return cast(r, &r->out[0], r->in[0], type_of(r->in[1]));
}

/* Integers are divided as floats, and lose the fraction. */
bs_status bs_expand_div(bs_raw *r, bool *done)
{
    bs_value *real[2] = {NULL, NULL}, *quotient = NULL;
    *done = is_whole(r->in[0]) && is_whole(r->in[1]);
    if (!*done)
        return BS_OK;
    for (int k = 0; k < 2; k++)
        BS_TRY(cast(r, &real[k], r->in[k], TYPE(FLOAT)));
    BS_TRY(bs_step_2(r, &quotient, "Div", real[0], real[1]));
    return cast(r, &r->out[0], quotient, TYPE(INT64));
}

/* Returns true for constants that are whole and not negative. */
static bool is_natural(const bs_value *v)
{
    bool natural = v->kind != BS_VALUE_ACTIVATION;
    for (int64_t e = 0; natural && e < v->elements; e++)
        natural = v->kind == BS_VALUE_INTS ? v->i[e] >= 0 : v->f[e] >= 0 && v->f[e] == floorf(v->f[e]);
    return natural;
}

/* Powers of integers are integers: what is behind the point is cut. */
bs_status bs_expand_pow(bs_raw *r, bool *done)
{
    bs_value *base = NULL, *power = NULL;
    *done = is_whole(r->in[0]) && !is_natural(r->in[1]);
    if (!*done)
        return BS_OK;
    BS_TRY(cast(r, &base, r->in[0], TYPE(FLOAT)));
    BS_TRY(bs_step_2(r, &power, "Pow", base, r->in[1]));
    return cast(r, &r->out[0], power, TYPE(INT64));
}

/* The remainder with the sign of the divisor is made of those with the sign of the dividend. */
bs_status bs_expand_mod(bs_raw *r, bool *done)
{
    bs_step_attr truncates = bs_attr_of_int("fmod", 1);
    bs_value *rest = NULL, *sum = NULL;
    int64_t fmod;
    BS_TRY(bs_attr_int(r, "fmod", 0, &fmod));
    *done = !fmod;
    if (fmod)
        return BS_OK;
    BS_TRY(bs_step(r, &rest, "Mod", r->in, 2, &truncates, 1));
    BS_TRY(bs_step_2(r, &sum, "Add", rest, r->in[1]));
    return bs_step(r, &r->out[0], "Mod", (bs_value *[]){sum, r->in[1]}, 2, &truncates, 1);
}
