-- Rates of each stratum with the exact bounds of Clopper and Pearson (only in `bitsink bn`, not in the file). The rows
-- are those of layer_outcome but for accuracy_drop, which is not a share of observations. Bounds are NULL in a census.
CREATE TEMP TABLE layer_outcome_exact (
    entry INTEGER,     -- entry.id
    layer INTEGER,     -- layer.id
    layer_name TEXT,   -- layer.label
    outcome TEXT,      -- as in layer_outcome
    rate REAL,         -- share of trials, images by their weights
    observations REAL, -- n of the bounds; NULL: a census
    low REAL,          -- two-sided bounds
    high REAL,
    lower REAL,        -- one-sided bounds
    upper REAL,
    confidence REAL    -- of all bounds
);
