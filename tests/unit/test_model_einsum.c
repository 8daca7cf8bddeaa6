/* Proves the values of Einsum against a loop over all labels. */
#include "support/import_values.h"

#include <ctype.h>

enum { IMAGES = 2, MOST = 512 };

/* Operands: 'x' is the image, anything else a constant of that name. The first label is the batch. */
typedef struct einsum_case {
    const char *equation, *operands;
} einsum_case;

static const einsum_case cases[] = {
    {"nij,jk->nik", "xw"},      {"nij,jk", "xw"},      /* labels that occur once, in order: ikn */
    {"aij,jk", "xw"},           {"aij,jk->iak", "xw"}, /* the images end up on axis 1 */
    {"nij,ij->n", "xw"},        {"nij,ji->nji", "xw"}, /* no label is summed */
    {"nij,k->nikj", "xw"},      {"nij->nji", "x"},
    {"nij->nj", "x"},           {"nij->n", "x"},
    {"nij->nij", "x"},          {"nij,nkj->nik", "xx"},
    {"nhij,nhkj->nhik", "xx"},  {"nhij,nhkj->nikh", "xx"},
    {"nhij,hjd->nihd", "xw"}, /* one matrix for each of h */
    {"nhij,hjd->nid", "xw"},    {"nihj,hjd->nid", "xw"},
    {"nij,jkd->nikd", "xw"}, /* several labels of the weight alone */
    {"nij,ijd->nd", "xw"},      {"nij,jk,kd->nid", "xwv"},
    {"nij,nij,nij->ni", "xxx"}, {"nij,k->ni", "xw"},       /* a label that nothing else has */
    {"nij,jk,k->ni", "xwv"},    {"nij,->nij", "xw"},       /* a number */
    {"jk,nij->nik", "wx"},      {"jk,kd,nij->nid", "wvx"}, /* constants among themselves first */
    {"nJi,JK->nKi", "xw"},
};

static int size_of(char label, char batch)
{
    return label == batch ? IMAGES : label == 'h' ? 2 : strchr("jJik", label) ? 3 : 4;
}

typedef struct operand {
    char labels[9];
    float values[MOST];
} operand;

static void append(char *labels, char label)
{
    size_t n = strlen(labels);
    labels[n] = label;
    labels[n + 1] = '\0';
}

/* Splits the equation; returns the number of operands, and sets the labels of the output. */
static int parse(const char *equation, operand *in, char *out)
{
    int n = 0, count[128] = {0};
    const char *arrow = strstr(equation, "->");
    memset(in, 0, 3 * sizeof *in);
    for (const char *c = equation; *c && c != arrow; c++) {
        if (*c == ',')
            n++;
        else
            append(in[n].labels, *c);
        count[(int)*c]++;
    }
    *out = '\0';
    if (arrow)
        strcpy(out, arrow + 2);
    for (char c = 'A'; c <= 'z' && !arrow; c++)
        if (count[(int)c] == 1)
            append(out, c);
    return n + 1;
}

static size_t offset(const char *labels, const int *index, char batch)
{
    size_t at = 0;
    for (; *labels; labels++)
        at = at * (size_t)size_of(*labels, batch) + (size_t)index[(int)*labels];
    return at;
}

/* Adds up the products over all indices; the batch comes first in `want`. Returns the elements of an image.
 */
static int64_t evaluate(const operand *in, int n, const char *out, char batch, float *want)
{
    char all[16] = "", sample[16] = "", first[16] = {batch, '\0'};
    int index[128] = {0}, k;
    int64_t elements = 1;
    for (int i = 0; i < n; i++)
        for (const char *c = in[i].labels; *c; c++)
            if (!strchr(all, *c))
                append(all, *c);
    for (const char *c = out; *c; c++)
        if (*c != batch) {
            append(sample, *c);
            elements *= size_of(*c, batch);
        }
    strcat(first, sample);
    memset(want, 0, MOST * sizeof *want);
    do {
        float product = 1.0f;
        for (int i = 0; i < n; i++)
            product *= in[i].values[offset(in[i].labels, index, batch)];
        want[offset(first, index, batch)] += product;
        for (k = 0; all[k] && ++index[(int)all[k]] == size_of(all[k], batch); k++)
            index[(int)all[k]] = 0;
    } while (all[k]);
    return elements;
}

static void test_equations(void **state)
{
    (void)state;
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        operand in[3];
        char out[16], text[512], image[16] = "";
        float want[MOST];
        const float *x = NULL;
        int n = parse(cases[c].equation, in, out);
        const char *operands = cases[c].operands;
        int at = sprintf(text, "out y; Einsum ");
        for (int i = 0; i < n; i++) {
            char name[2] = {operands[i], '\0'};
            random_values(name, in[i].values, MOST);
            at += sprintf(text + at, "%s%s", i ? "," : "", name);
            if (*name == 'x') {
                if (!x)
                    strcpy(image, in[i].labels);
                x = in[i].values;
            }
        }
        at += sprintf(text + at, " -> y equation=%s", cases[c].equation);
        for (int i = 0; i < n; i++) {
            if (operands[i] == 'x' && x != in[i].values)
                continue; /* the image is declared once */
            at += operands[i] == 'x' ? sprintf(text + at, "; in x N")
                                     : sprintf(text + at, "; r %c", operands[i]);
            for (const char *l = in[i].labels + (operands[i] == 'x'); *l; l++)
                at += sprintf(text + at, " %d", size_of(*l, image[0]));
        }
        int64_t elements = evaluate(in, n, out, image[0], want);
        check_values(text, IMAGES, x, want, elements);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const bad[][2] = {{"equation=nii->ni", "label 'i' twice"},
                                         {"equation=nij->njj", "label 'j' twice"},
                                         {"equation=nij->nk", "label 'k' of its output has no operand"},
                                         {"equation=nij,jk->nik", "',' is not supported"},
                                         {"equation=ni->ni", "operand 0 has 3 dimensions, the equation 2"},
                                         {"equation=n...->n", "is not supported"},
                                         {"equation=n\xff\x01", "is not supported"},
                                         {"equation=nij-", "is not supported"},
                                         {"equation=nij->nij->nij", "is not supported"},
                                         {"equation=nabcdefghij", "labels in one operand"},
                                         {"equation=ijn->nij", ""},
                                         {"", "its equation is missing"},
                                         {"equation=7", "operand 0 has 3 dimensions"},
                                         {"equation=nij->ij", "would mix images"},
                                         {"equation=nij->ij", "would mix images"}};
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        char text[256];
        snprintf(text, sizeof text, "in x N 2 3; out y; Einsum x -> y %s", bad[k][0]);
        if (*bad[k][1])
            check_refused(text, bad[k][1]);
        else
            bs_graph_free(import_or_fail(text));
    }
    check_refused("in x N 2 3; out y; r w 4 3; Einsum x,w -> y equation=nij,jk->nik", "");
    check_refused("in x N 2 3; out y; Einsum x,x,x,x,x,x,x,x,x -> y equation=nij", "9 operands");
    check_refused("in x N 2 3; out y; Einsum x,x -> y equation=nij", "is for 1 operands");
    check_refused("in x N 2 3; out y; Einsum x,- -> y equation=nij,k->nik", "input 1 is missing");
    check_refused("in x N 2 3; out y; Einsum - -> y equation=nij", "input 0 is missing");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equations),
        cmocka_unit_test(test_refused),
    };
    return run_suite(tests, NULL, NULL);
}
