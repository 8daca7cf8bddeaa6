-- The settings of the Bayesian network and of what is built on it: the tables that are meant to be changed, by
-- `bitsink bn FILE set name=value` or by hand:
--     sqlite3 result.db "UPDATE bn_parameter SET value = 1e-4 WHERE name = 'p'"
-- This text is also run on files made by an earlier version: it adds what is missing and keeps what is there. (So the
-- program checks all of this, too.) Numbers up to 1e30: squares and products of three stay finite.

-- Settings, one a row.
CREATE TABLE IF NOT EXISTS bn_parameter (
    name TEXT PRIMARY KEY, -- which setting
    value NOT NULL,        -- its value
    comment TEXT NOT NULL, -- what it means
    CHECK (CASE name
        WHEN 'p' THEN typeof(value) IN ('real', 'integer') AND value BETWEEN 0 AND 1
        WHEN 'layer_prior' THEN value IN ('uniform', 'bits', 'exposure', 'direct')
        WHEN 'alpha' THEN typeof(value) IN ('real', 'integer') AND value > 0 AND value < 1
        WHEN 'confidence' THEN typeof(value) IN ('real', 'integer') AND value BETWEEN 0.5 AND 0.9999
        WHEN 'activation_duty' THEN typeof(value) IN ('real', 'integer') AND value BETWEEN 0 AND 1
        WHEN 'parameter_duty' THEN typeof(value) IN ('real', 'integer') AND value BETWEEN 0 AND 1
        ELSE typeof(value) IN ('real', 'integer') AND value BETWEEN 0 AND 1e30 END)
);
-- Strata that layer_prior exposure or direct covers; others have probability 0. NULL: the default of bn_parameter.
-- By hand, set layer_prior, too:
--     INSERT INTO bn_prior_layer (entry, layer) SELECT entry, layer FROM stratum WHERE entry = 1
--     UPDATE bn_parameter SET value = 'exposure' WHERE name = 'layer_prior'
-- `bitsink bn FILE set scope=1` does both. `priors` does so by the columns that have values: probability makes layer_prior
-- direct, where there is none it is exposure. Rows of entries with a bit error rate count nowhere.
CREATE TABLE IF NOT EXISTS bn_prior_layer (
    entry INTEGER NOT NULL, -- entry.id
    layer INTEGER NOT NULL, -- layer.id
    raw_rate REAL CHECK (raw_rate BETWEEN 0 AND 1e30),       -- upsets per bit and hour (exposure; failure_rate)
    residency REAL CHECK (residency BETWEEN 0 AND 1e30),     -- hours each bit is exposed before it is used (exposure;
                                               -- failure_rate: its share of the default hours scales the duty, unless those
                                               -- are 0)
    exposure REAL CHECK (exposure BETWEEN 0 AND 1e30),       -- exposure: m_t itself, instead of raw_rate x bits x residency,
                                               -- also where stratum.storage is 0
    probability REAL CHECK (probability BETWEEN 0 AND 1e30), -- direct: P(L=t|F=1), up to a common factor
    PRIMARY KEY (entry, layer)
) WITHOUT ROWID;

-- Weights of images. Empty: all images weigh the same. Otherwise images that are not listed weigh 0.
CREATE TABLE IF NOT EXISTS bn_prior_image (
    image INTEGER PRIMARY KEY,               -- image.id
    weight REAL NOT NULL CHECK (weight BETWEEN 0 AND 1e30) -- w_i, up to a common factor
);

-- Groups of classes, for severity. A class that is not listed is a group of its own, under its name or number.
CREATE TABLE IF NOT EXISTS class_group (
    class INTEGER PRIMARY KEY, -- class.id
    name TEXT NOT NULL         -- of its group
);

-- What it costs to answer a class of one group where one of another is right. Pairs not listed cost 0 within a
-- group, and for the answer DUE, which is detected; else bn_parameter default_cost.
CREATE TABLE IF NOT EXISTS group_cost (
    truth TEXT NOT NULL,                   -- group of the true class
    answer TEXT NOT NULL,                  -- group of the answer; 'DUE': NaN or Inf
    cost REAL NOT NULL CHECK (cost BETWEEN 0 AND 1e30),  -- of one such answer; the right class always costs 0
    PRIMARY KEY (truth, answer)
) WITHOUT ROWID;

-- Counts by bit position, made from the raw rows by `bitsink bn FILE update`. Trials that flip exactly one bit. Where this
-- text is run on a file made by an earlier version, these tables (bit_...) were dropped before: they are counted again.
CREATE TABLE IF NOT EXISTS bit_summary (
    entry INTEGER NOT NULL,  -- entry.id
    layer INTEGER NOT NULL,  -- layer.id
    bit INTEGER NOT NULL,    -- 0..31
    n INTEGER NOT NULL,      -- trials
    masked INTEGER NOT NULL, -- of them: masked
    sdc1 INTEGER NOT NULL,   -- of them: SDC-1
    due INTEGER NOT NULL,    -- of them: DUE
    faults INTEGER NOT NULL, -- faults that were tried: trials of an activation, repetitions of a parameter
    PRIMARY KEY (entry, layer, bit)
) WITHOUT ROWID;

-- Their silent corruptions.
CREATE TABLE IF NOT EXISTS bit_wrong (
    entry INTEGER NOT NULL,     -- entry.id
    bit INTEGER NOT NULL,       -- 0..31
    parameter INTEGER NOT NULL, -- as in stratum
    class INTEGER NOT NULL,     -- the wrong answer
    image INTEGER NOT NULL,     -- image.id
    n INTEGER NOT NULL,         -- trials
    PRIMARY KEY (entry, bit, parameter, class, image)
) WITHOUT ROWID;

-- The bit that a fault of a parameter flips: of those that are in fault_wrong and flip exactly one.
CREATE TABLE IF NOT EXISTS bit_fault (
    entry INTEGER NOT NULL,      -- entry.id
    layer INTEGER NOT NULL,      -- layer.id
    repetition INTEGER NOT NULL, -- which fault
    bit INTEGER NOT NULL,        -- 0..31
    PRIMARY KEY (entry, layer, repetition)
) WITHOUT ROWID;

-- How many trials the file had when these were counted: at most one row.
CREATE TABLE IF NOT EXISTS bit_counted (
    trials INTEGER NOT NULL, -- in the file then
    audited INTEGER NOT NULL -- of them: a full re-run gave the same output
);
