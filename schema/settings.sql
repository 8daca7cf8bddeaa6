-- Settings are the tables that you may change: with `bitsink bn DB set NAME=VALUE`, or by hand:
--     sqlite3 result.db "UPDATE bn_parameter SET value = 1e-4 WHERE name = 'p'"
-- Numbers go up to 1e30, so that squares and products of three stay finite. Tables whose names start with bit_ hold counts
-- that `bitsink bn DB update` makes from the trials. Files of an earlier version get the tables that they lack and keep the
-- settings that they have; their counts by bit position are made again.

-- Settings of the Bayesian network and of what is built on it (`bitsink bn DB set NAME=VALUE`).
CREATE TABLE IF NOT EXISTS bn_parameter (
    name TEXT PRIMARY KEY, -- name of the setting
    value NOT NULL,        -- its value
    comment TEXT NOT NULL, -- its meaning
    CHECK (CASE name
        WHEN 'p' THEN typeof(value) IN ('real', 'integer') AND value BETWEEN 0 AND 1
        WHEN 'layer_prior' THEN value IN ('uniform', 'bits', 'exposure', 'direct')
        WHEN 'alpha' THEN typeof(value) IN ('real', 'integer') AND value > 0 AND value < 1
        WHEN 'confidence' THEN typeof(value) IN ('real', 'integer') AND value BETWEEN 0.5 AND 0.9999
        WHEN 'activation_duty' THEN typeof(value) IN ('real', 'integer') AND value BETWEEN 0 AND 1
        WHEN 'parameter_duty' THEN typeof(value) IN ('real', 'integer') AND value BETWEEN 0 AND 1
        ELSE typeof(value) IN ('real', 'integer') AND value BETWEEN 0 AND 1e30 END)
);

-- Prior of layers: the strata that scope -1 pools (`bitsink bn DB set scope=LIST`, `bitsink bn DB priors FILE`). Where
-- bn_parameter layer_prior is exposure or direct, strata that are not listed have probability 0. A column that is NULL
-- takes the default of bn_parameter. If you fill the table by hand, set layer_prior, too:
--     INSERT INTO bn_prior_layer (entry, layer)
--     SELECT entry, layer FROM stratum WHERE entry = 1;
--     UPDATE bn_parameter SET value = 'exposure' WHERE name = 'layer_prior';
-- `bitsink bn DB set scope=1` does both. `bitsink bn DB priors FILE` makes layer_prior direct if any row has a probability,
-- else exposure. Rows of entries whose trials may hold any number of
-- faults (bn_stratum.conditional) have no effect.
CREATE TABLE IF NOT EXISTS bn_prior_layer (
    entry INTEGER NOT NULL, -- entry.id
    layer INTEGER NOT NULL, -- layer.id
    raw_rate REAL CHECK (raw_rate BETWEEN 0 AND 1e30),       -- upsets per bit and hour (exposure; failure_rate)
    residency REAL CHECK (residency BETWEEN 0 AND 1e30),     -- hours that each bit is exposed before it is used (exposure;
                                               -- failure_rate: its share of the default hours scales the duty, unless these
                                               -- are 0)
    exposure REAL CHECK (exposure BETWEEN 0 AND 1e30),       -- m_t itself, in place of raw_rate x bits x residency (exposure),
                                               -- also where stratum.storage is 0
    probability REAL CHECK (probability BETWEEN 0 AND 1e30), -- P(L = t | F = 1), up to a common factor (direct)
    PRIMARY KEY (entry, layer)
) WITHOUT ROWID;

-- Weights of images (`bitsink bn DB weights FILE`). If the table is empty, all images weigh the same; else images that are
-- not listed weigh 0.
CREATE TABLE IF NOT EXISTS bn_prior_image (
    image INTEGER PRIMARY KEY,               -- image.id
    weight REAL NOT NULL CHECK (weight BETWEEN 0 AND 1e30) -- w_i, up to a common factor
);

-- Groups of classes, for severity (`bitsink bn DB groups FILE`). A class that is not listed is a group of its own, under
-- its name or number.
CREATE TABLE IF NOT EXISTS class_group (
    class INTEGER PRIMARY KEY, -- class.id
    name TEXT NOT NULL         -- name of its group
);

-- Costs of answers of a wrong group, for severity (`bitsink bn DB costs FILE`). Pairs that are not listed cost 0 within a
-- group and for the answer DUE, which is detected; else setting default_cost.
CREATE TABLE IF NOT EXISTS group_cost (
    truth TEXT NOT NULL,                   -- group of the true class
    answer TEXT NOT NULL,                  -- group of the answer; 'DUE': NaN or Inf
    cost REAL NOT NULL CHECK (cost BETWEEN 0 AND 1e30),  -- cost of one such answer; the right class always costs 0
    PRIMARY KEY (truth, answer)
) WITHOUT ROWID;

-- Outcomes of the trials that flip exactly one bit, counted by layer and bit position.
CREATE TABLE IF NOT EXISTS bit_summary (
    entry INTEGER NOT NULL,  -- entry.id
    layer INTEGER NOT NULL,  -- layer.id
    bit INTEGER NOT NULL,    -- bit position, 0 to 31
    n INTEGER NOT NULL,      -- trials
    masked INTEGER NOT NULL, -- of these, masked
    sdc1 INTEGER NOT NULL,   -- of these, SDC-1
    due INTEGER NOT NULL,    -- of these, DUE
    faults INTEGER NOT NULL, -- faults that were tried: trials of an activation, repetitions of a parameter
    PRIMARY KEY (entry, layer, bit)
) WITHOUT ROWID;

-- Wrong answers of the trials that flip exactly one bit, counted by bit position, class and image.
CREATE TABLE IF NOT EXISTS bit_wrong (
    entry INTEGER NOT NULL,     -- entry.id
    bit INTEGER NOT NULL,       -- bit position, 0 to 31
    parameter INTEGER NOT NULL, -- stratum.parameter
    class INTEGER NOT NULL,     -- the wrong answer
    image INTEGER NOT NULL,     -- image.id
    n INTEGER NOT NULL,         -- trials
    PRIMARY KEY (entry, bit, parameter, class, image)
) WITHOUT ROWID;

-- The bit that each fault of a parameter flips. Only faults that are in fault_wrong and flip exactly one bit.
CREATE TABLE IF NOT EXISTS bit_fault (
    entry INTEGER NOT NULL,      -- entry.id
    layer INTEGER NOT NULL,      -- layer.id
    repetition INTEGER NOT NULL, -- number of the fault
    bit INTEGER NOT NULL,        -- bit position, 0 to 31
    PRIMARY KEY (entry, layer, repetition)
) WITHOUT ROWID;

-- How many trials the file had when bit_summary, bit_wrong and bit_fault were counted: at most one row.
CREATE TABLE IF NOT EXISTS bit_counted (
    trials INTEGER NOT NULL, -- trials in the file at that time
    audited INTEGER NOT NULL -- audited ones among them
);
