# The formulas of intervals and tests, written once: `@name(argument, ...)` in a file of SQL becomes the text below when
# the program is built (embed.cmake), so that the views in a result file are plain SQL. An argument is an expression
# without parentheses and commas, and is set in parentheses where the formula says
# {argument}; <argument> is its bare text, for a formula defined further down that is used here.
#
# z is a quantile of the normal distribution: bn_setting.z for two-sided bounds, bn_setting.z1 for one-sided ones.

# One-sided upper bound of a share r of n observations at `confidence`: 1 - (1 - confidence)^(1/n) where none had the
# outcome (exact; about 3/n at 0.95: the rule of three), else share_high at z1.
formula(share_upper "r;n;z1;confidence" "CASE WHEN {r} <= 0.0 THEN 1.0 - pow(1.0 - {confidence}, 1.0 / {n}) ELSE @share_high(<r>, <n>, <z1>) END")

# Share r of n observations, n not always whole: the bounds of Clopper and Pearson (Biometrika 26, 1934), which cover what
# they claim for any share, in the closed form of Paulson, Camp and Pratt (C. R. Blyth, Journal of the American
# Statistical Association 81, 1986): within 0.0015 of the nominal coverage for n = 1 to 400 and a confidence of 0.5 to
# 0.9999. (Wilson's interval with continuity correction covers as much at 0.95, is up to a fifth wider where little was
# seen, and misses 3 % at a nominal 0.99.) 0 where less than one observation had the outcome, 1 where less than one had
# not; between none and one the upper bound is interpolated. NULL where n is (a census).
formula(share_low "r;n;z" "(1.0 - @share_high(1.0 - <r>, <n>, <z>))")
formula(share_high "r;n;z" "CASE WHEN (1.0 - {r}) * {n} < 0.999999999 THEN 1.0 WHEN {r} * {n} < 1.0 THEN (1.0 - {r} * {n}) * (1.0 - exp(-pow(8.0 / 9.0 + {z} / 3.0, 3) / {n})) + {r} * {n} * CASE WHEN {n} < 2.0 THEN 1.0 ELSE min(1.0, @limit(1.0 / <n>, <n>, <z>)) END ELSE min(1.0, @limit(<r>, <n>, <z>)) END")
# 1 / (1 + (a/b)^2 t^3), t = (81 a b - 9 n - 8 - 3 z sqrt(9 a b (9 n + 5 - z^2) + n + 1)) / (81 a^2 - 9 a (2 + z^2) + 1),
# a = r n + 1, b = n - r n.
formula(limit "r;n;z" "1.0 / (1.0 + pow(({r} * {n} + 1.0) / ({n} - {r} * {n}), 2) * pow(max(0.0, (81.0 * ({r} * {n} + 1.0) * ({n} - {r} * {n}) - 9.0 * {n} - 8.0 - 3.0 * {z} * sqrt(max(0.0, 9.0 * ({r} * {n} + 1.0) * ({n} - {r} * {n}) * (9.0 * {n} + 5.0 - {z} * {z}) + {n} + 1.0))) / (81.0 * ({r} * {n} + 1.0) * ({r} * {n} + 1.0) - 9.0 * ({r} * {n} + 1.0) * (2.0 + {z} * {z}) + 1.0)), 3))")

# A weighted sum over strata, y = sum w k/n <= whole = sum w: M. P. Fay, E. J. Feuer, Statistics in Medicine 16 (1997),
# with v = sum w^2 k/n^2, u = sum w^2 (n-k)/n^2 and top = max w/n over all strata, those without events, too. Above
# half of the whole, what is left of it is bounded. Never above the whole, never below 0.
formula(sum_low "y;v;u;top;whole;z" "CASE WHEN {y} <= 0.5 * {whole} THEN @events_low(<y>, <v>, <z>) ELSE max(0.0, {whole} - @events_high(<whole> - <y>, <u>, <top>, <z>)) END")
formula(sum_high "y;v;u;top;whole;z" "CASE WHEN {y} <= 0.5 * {whole} THEN min({whole}, @events_high(<y>, <v>, <top>, <z>)) ELSE {whole} - @events_low(<whole> - <y>, <u>, <z>) END")
# Its two sides. chi2(nu; z) = nu (1 - 2/(9 nu) + z sqrt(2/(9 nu)))^3 (E. B. Wilson, M. M. Hilferty, PNAS 17, 1931; at worst
# 0.6 % low, at y = 0), so v/(2y) chi2(2y^2/v; -z) = y (1 - v/(9 y^2) - z sqrt(v)/(3y))^3.
formula(events_low "y;v;z" "CASE WHEN {y} > 0 THEN {y} * pow(max(0.0, 1.0 - {v} / (9.0 * {y} * {y}) - {z} * sqrt(max(0.0, {v})) / (3.0 * {y})), 3) ELSE 0.0 END")
formula(events_high "y;v;top;z" "CASE WHEN {y} + {top} > 0 THEN ({y} + {top}) * pow(max(0.0, 1.0 - ({v} + {top} * {top}) / (9.0 * ({y} + {top}) * ({y} + {top})) + {z} * sqrt(max(0.0, {v} + {top} * {top})) / (3.0 * ({y} + {top}))), 3) ELSE 0.0 END")

# n observations drawn without replacement from a population of N (NULL: no limit), as a number of independent
# ones: -N ln(1 - n/N), because D rare ones of N are all missed with probability (1 - n/N)^D. (n (N-1)/(N-n), which makes
# the variance right, covers 75 % where one of N is harmful and most are drawn.) NULL: all were drawn, a census. A second
# round (n > population) gains nothing. `part_left`: n over that number, 0 for a census.
formula(without_replacement "n;population" "CASE WHEN {population} IS NULL OR {n} > {population} THEN {n} * 1.0 WHEN {n} = {population} THEN NULL ELSE -{population} * ln(1.0 - 1.0 * {n} / {population}) END")
formula(part_left "n;population" "CASE WHEN {population} IS NULL OR {n} > {population} THEN 1.0 WHEN {n} = {population} THEN 0.0 ELSE {n} / (-{population} * ln(1.0 - 1.0 * {n} / {population})) END")

# How much wider the faults of a parameter make an interval than as many trials with a fault each (information only):
# variance of a ratio estimator over k faults with o outcomes in n trials, K/(K-1) sum (o_f - r n_f)^2 / n^2, over
# r(1-r)/n; oo, on, nn: sums over faults of o_f^2, o_f n_f, n_f^2 (W. G. Cochran, Sampling Techniques, 1977, 9.3).
formula(design_effect "k;n;o;oo;on;nn" "CASE WHEN {k} > 1 AND {o} > 0 AND {o} < {n} THEN {k} / ({k} - 1.0) * ({oo} - 2.0 * {o} / {n} * {on} + 1.0 * {o} / {n} * {o} / {n} * {nn}) / {n} / (1.0 * {o} / {n} * (1.0 - 1.0 * {o} / {n})) END")

# Binomial tail P(X >= k) of n trials at share p, bounded from above by pmf(k) / (1 - q), q = (n-k)/(k+1) p/(1-p) the
# ratio of its first two terms: never smaller than the exact tail, 1 where k <= n p. k and n are whole numbers.
formula(binomial_tail "k;n;p" "CASE WHEN {k} > {n} * {p} AND {p} < 1.0 AND {p} > 0.0 AND ({n} - {k}) * {p} < ({k} + 1.0) * (1.0 - {p}) THEN min(1.0, exp(@log_factorial(<n>) - @log_factorial(<k>) - @log_factorial(<n> - <k>) + {k} * ln({p}) + ({n} - {k}) * ln(1.0 - {p})) / (1.0 - ({n} - {k}) * {p} / (({k} + 1.0) * (1.0 - {p})))) ELSE 1.0 END")
# ln(x!): exact below 10, Stirling's series above (error below 1e-12).
formula(log_factorial "x" "CASE WHEN {x} < 10 THEN ln(CASE {x} WHEN 0 THEN 1.0 WHEN 1 THEN 1.0 WHEN 2 THEN 2.0 WHEN 3 THEN 6.0 WHEN 4 THEN 24.0 WHEN 5 THEN 120.0 WHEN 6 THEN 720.0 WHEN 7 THEN 5040.0 WHEN 8 THEN 40320.0 ELSE 362880.0 END) ELSE ({x} + 0.5) * ln({x}) - {x} + 0.9189385332046727 + 1 / (12.0 * {x}) - 1 / (360.0 * {x} * {x} * {x}) + 1 / (1260.0 * {x} * {x} * {x} * {x} * {x}) END")

# The number in eight hexadecimal digits of a text, from digit `at` on.
formula(word "hex;at" "(((((((instr('123456789ABCDEF', substr({hex}, {at}, 1))) * 16 + instr('123456789ABCDEF', substr({hex}, {at} + 1, 1))) * 16 + instr('123456789ABCDEF', substr({hex}, {at} + 2, 1))) * 16 + instr('123456789ABCDEF', substr({hex}, {at} + 3, 1))) * 16 + instr('123456789ABCDEF', substr({hex}, {at} + 4, 1))) * 16 + instr('123456789ABCDEF', substr({hex}, {at} + 5, 1))) * 16 + instr('123456789ABCDEF', substr({hex}, {at} + 6, 1))) * 16 + instr('123456789ABCDEF', substr({hex}, {at} + 7, 1))")
