/* Finds shapes in what cairo writes as SVG: texts are outlines there, so figures are tested by their shapes.
 */
#ifndef BS_TESTS_SVG_H
#define BS_TESTS_SVG_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The blue of figures as cairo writes it, in whatever form its version has. */
#define SVG_BLUE "44.705882%"

typedef struct svg_point {
    double x, y;
} svg_point;

/* Finds the next path in *at whose style has both texts, and sets *at behind it. Returns its coordinates,
 * NULL if there is none. */
static inline const char *svg_path(const char **at, const char *style, const char *other)
{
    while ((*at = strstr(*at, "<path")) != NULL) {
        const char *end = strchr(*at, '>'), *path = strstr(*at, " d=\""), *one = strstr(*at, style),
                   *two = strstr(*at, other);
        *at = end;
        if (path && path < end && one && one < end && two && two < end)
            return path + 4;
    }
    return NULL;
}

/* Collects the centres of filled circles of a colour, in order of drawing. Returns how many there are. */
static inline size_t svg_circles(svg_point *out, size_t most, const char *svg, const char *color,
                                 double radius)
{
    size_t n = 0;
    for (const char *at = svg, *path; (path = svg_path(&at, color, "fill-rule")) != NULL;) {
        char *rest;
        double x = strtod(path + 1, &rest), y = strtod(rest, &rest);
        if (strncmp(rest, " C ", 3) == 0 && n < most)
            out[n++] = (svg_point){x - radius, y};
    }
    return n;
}

/* Returns how many paths have a style. */
static inline size_t svg_count(const char *svg, const char *style)
{
    size_t n = 0;
    for (const char *at = svg; svg_path(&at, style, "") != NULL;)
        n++;
    return n;
}

#endif
