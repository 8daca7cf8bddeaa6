-- Default settings. Run on every file that is brought up to date: adds what is missing and keeps the values that are there.
DELETE FROM bn_parameter WHERE name = 'correct'; -- of an earlier version: now both notions stand in every table
INSERT INTO bn_parameter (name, value, comment) VALUES
    ('p', 1e-6, 'P(F=1): an inference meets a fault (an example: set your own); not used where layer_prior is exposure, which computes it, and for an entry whose trials may hold any number of faults, where it is 1'),
    ('layer_prior', 'uniform', 'P(L=t|F=1): uniform or bits over the strata of an entry; exposure or direct over those of bn_prior_layer, as scope -1; setting scope and loading priors change it'),
    ('pseudo_count', 0, 'a: total pseudo-count of P(C|I,L); 0: raw frequencies'),
    ('confidence', 0.95, 'of all intervals; one-sided bounds (upper, lower) have it, too'),
    ('alpha', 0.05, 'false discovery rate of sink classes'),
    ('raw_rate', 1e-13, 'upsets per bit and hour, where bn_prior_layer has none (exposure, failure rates); 1e-15 is 1 FIT per Mbit (10^6 bits)'),
    ('activation_hours', 1e-6, 'exposure: hours an activation is alive in an inference, where bn_prior_layer has none; failure rates: what a residency there is a share of, unless 0'),
    ('parameter_hours', 24, 'exposure: mean hours since a parameter was loaded or scrubbed, where bn_prior_layer has none; failure rates: as above'),
    ('activation_duty', 1, 'failure rates: share of the time in which the bits of an activation hold live values'),
    ('parameter_duty', 1, 'failure rates: the same of parameters'),
    ('fit_target', 10, 'failure rates: what is allowed, in FIT (10: ISO 26262 PMHF target of ASIL D; 100: of B and C)'),
    ('rerun_budget', 0.05, 'run again if the answer is in a set of classes: extra inferences that may cost, as a share'),
    ('default_cost', 1, 'severity: cost of an answer of another group than the true one, where group_cost has none; DUE costs 0 there')
ON CONFLICT (name) DO UPDATE SET comment = excluded.comment;
