-- The facts of one campaign. These tables hold what was done and seen; each notion of "wrong", and each rate and
-- probability, is a view over them. Table summary and those below it count trials: they change in the transaction that adds
-- the trials. PRAGMA application_id is 0x42534e4b ("BSNK"), PRAGMA user_version the version of this schema.
--
-- Words: an entry is a fault entry of the job; a layer is a target, a tensor of the model in which faults are injected; a
-- stratum is a pair (entry, layer); a trial is one inference with one injected fault. "identity" marks what may
-- not change while the file grows. Faults that may hit several layers in the same inference (entry.scope 'inference')
-- are in layer 4095, the whole network.

-- The campaign: exactly one row.
CREATE TABLE campaign (
    id INTEGER PRIMARY KEY CHECK (id = 1), -- 1
    name TEXT,                      -- the job's name
    created TEXT NOT NULL,          -- when the file was made, UTC
    version TEXT NOT NULL,          -- version of bitsink that made the file
    job TEXT,                       -- text of the job file, as of the last run
    job_path TEXT,                  -- absolute path of the job file, as of the last run
    model TEXT,                     -- path of the model file, as of the last run
    model_sha256 TEXT NOT NULL,     -- identity: SHA-256 of the model file, of weights that it stores in other files, and of
                                    -- input_size, output and inputs where they change the network
    seed TEXT NOT NULL,             -- identity: key of all random numbers, unsigned 64-bit decimal
    preprocess TEXT NOT NULL,       -- identity: how an image becomes the network's input
    storage TEXT NOT NULL,          -- identity: the types in which values of fp32 are stored (key `storage` of the job), or "as in
                                    -- the model"
    scales TEXT,                    -- identity: hash of the scales in layer_scale; NULL: no layer has one
    label_offset INTEGER NOT NULL,  -- identity: class index of label 0
    classes INTEGER NOT NULL,       -- identity: number of classes (outputs of the network)
    top_k INTEGER NOT NULL,         -- identity: classes in golden_ranking and trial_ranking, 0: these are empty
    shard INTEGER,                  -- identity: this file holds images i with i % shards = shard - 1; NULL: all
    shards INTEGER,                 -- identity: number of shards; NULL: all images in one file
    job_trials INTEGER NOT NULL,    -- trials that the job asks for in all
    planned_trials INTEGER NOT NULL -- those of them that are for this file
);

-- The fault entries of the job.
CREATE TABLE entry (
    id INTEGER PRIMARY KEY,   -- the explicit id in the job file, 0..255
    name TEXT,                -- its name there
    kind TEXT NOT NULL,       -- fault_kind.kind
    bits INTEGER NOT NULL,    -- mask of the bits that may be hit in any of its layers: stratum.bits, taken together
    burst INTEGER NOT NULL,   -- adjacent bits hit together
    count INTEGER NOT NULL,   -- distinct sites per trial (scope inference: in each layer that is hit), 0: every element once;
                              -- without meaning where ber > 0
    ber REAL NOT NULL,        -- bit error rate; 0: `count` sites instead
    scope TEXT NOT NULL,      -- target: the sites of a trial are in one layer; inference: in several layers of the network
    probability REAL NOT NULL, -- that a trial has its fault; else it has no sites
    shared_bit INTEGER NOT NULL, -- 1: all sites of a trial are in the same bit, drawn for the trial
    store_sites INTEGER,      -- sites of a trial that trial_site holds, NULL: all; without meaning for scope target
    value REAL,               -- the kind's parameter, if that is one number (set); else NULL
    low REAL,                 -- if it is a range (random): lowest value
    high REAL,                -- end of the range
    sites TEXT,               -- explicit site list (path as of the last run), NULL: sites are sampled
    targets TEXT NOT NULL,    -- layer ids it hits, such as "0,4-9"; scope inference: those of network_target
    trials INTEGER NOT NULL,  -- trials for each (layer, image), as of the last run
    definition TEXT NOT NULL  -- identity: all of the above but name, path and trials in one line; ends in "with
                              -- replacement" if bitsink of schema version 1 or 2 drew the sites, each independently
);

-- The strata: pairs of a fault entry and a layer, each an experiment whose trials are pooled.
CREATE TABLE stratum (
    entry INTEGER NOT NULL,       -- entry.id
    layer INTEGER NOT NULL,       -- layer.id; 4095: the layers of network_target, hit in the same inference
    parameter INTEGER NOT NULL,   -- 1: a weight or another parameter, or some of the network's layers are; its fault stays for
                                  -- all images
    repetitions INTEGER NOT NULL, -- trials planned for each image
    population INTEGER NOT NULL,  -- distinct single sites: elements x choices at one element; of layer 4095 the sum
    bits INTEGER NOT NULL,        -- mask of the bits of a value that may be hit: what the job says, for the type of the layer
                                  -- (fp32: bit 31 is the sign, 30 to 23 the exponent); a burst continues above them
    storage INTEGER NOT NULL DEFAULT 1, -- 1: the layer has memory of its own; 0: it shares the memory of another layer (key
                                  -- `storage` of the job), and sums of bits leave it out (bn_stratum.bits); as of the last run
    PRIMARY KEY (entry, layer)
) WITHOUT ROWID;

-- The layers of strata of the whole network: faults of scope inference hit each by itself, in the same inference.
CREATE TABLE network_target (
    entry INTEGER NOT NULL,      -- entry.id
    layer INTEGER NOT NULL,      -- layer.id of a layer that may be hit
    parameter INTEGER NOT NULL,  -- 1: a weight or another parameter
    probability REAL NOT NULL,   -- identity: that a trial hits it
    population INTEGER NOT NULL, -- as in stratum, of this layer
    bits INTEGER NOT NULL,       -- as in stratum, of this layer
    PRIMARY KEY (entry, layer)
) WITHOUT ROWID;

-- The runs: each start of the program on this file, or on a file that was merged into it.
CREATE TABLE run (
    id INTEGER PRIMARY KEY,            -- number of the run in this file
    uid TEXT NOT NULL UNIQUE DEFAULT (lower(hex(randomblob(16)))), -- unique id; survives merging
    shard INTEGER,                     -- campaign.shard of the file it wrote
    started TEXT NOT NULL,             -- UTC
    ended TEXT,                        -- UTC time of the last commit
    seconds REAL NOT NULL DEFAULT 0,   -- from start to last commit
    start_seconds REAL,                -- from the start of the command to its first stored trial; NULL: it stored none, or is of
                                       -- schema version 6 or less
    trials INTEGER NOT NULL DEFAULT 0, -- trial rows it added
    goldens INTEGER NOT NULL DEFAULT 0,-- golden rows it added
    audited INTEGER NOT NULL DEFAULT 0,-- trials it ran again in full
    audit_equal INTEGER NOT NULL DEFAULT 0, -- those of them whose full re-run gave the same bits
    exit INTEGER,                      -- exit status: 0 done, 3 stopped; NULL: running, or killed
    host TEXT,                         -- name of the machine
    backend TEXT NOT NULL,             -- cpu, cuda, null
    device TEXT NOT NULL,              -- name of the processor, or of each of several: see run_device
    isa TEXT NOT NULL,                 -- instruction set: avx512, sm_90
    library TEXT NOT NULL,             -- versions of the vendor libraries
    version TEXT NOT NULL,             -- bitsink's
    mode TEXT NOT NULL,                -- replay mode: full, suffix, delta
    selftest TEXT NOT NULL,            -- passed, skipped, not needed (no trials), or which layers fell back; table proof has the parts. Until the run ends, and
                                       -- where it was killed: not ended
    threads INTEGER NOT NULL,          -- CPU threads
    fingerprint TEXT NOT NULL,         -- hash of golden outputs and of math, where that is not fp32: equal where the numerics are
    strata TEXT NOT NULL               -- hash of the strata of its job
);

-- The devices of each run, and what each did. Files of schema version 9 or less have none.
CREATE TABLE run_device (
    run INTEGER NOT NULL,     -- run.id
    ordinal INTEGER NOT NULL, -- number of the device among those of run.backend: 2 of cuda:2
    workers INTEGER NOT NULL, -- workers of the run that were on it
    trials INTEGER NOT NULL DEFAULT 0,  -- trial rows it computed
    goldens INTEGER NOT NULL DEFAULT 0, -- golden rows it computed that are in the file
    lost TEXT,                -- UTC time when it was lost, and its work went to the others; NULL: it was not
    reason TEXT,              -- how; NULL: it was not lost
    PRIMARY KEY (run, ordinal)
) WITHOUT ROWID;

-- The proofs: what each run relied on so that its replay is exact. A proof is about one schedule or part of one, which gave
-- the same bits as a full re-run. Files of schema version 6 or less have none.
CREATE TABLE proof (
    run INTEGER NOT NULL,   -- run.id
    key TEXT NOT NULL,      -- the proof's name, 32 hex digits, also in the cache: hash of all that it depends on
    layer INTEGER,          -- layer.id at which the replay starts; NULL: at none, or at several
    what TEXT NOT NULL,     -- what was compared with whole layers run alone: dense: whole layers in a batch; several: the same with
                            -- faults in several layers; full: the same of full re-runs; filters: those that a faulty parameter reaches; delta 4x4: patches for faults within 4 rows
                            -- and columns; segment 4x4, segment: the same for trials that go on at a cut point; whole: some trials
                            -- from the input to the output
    outcome TEXT NOT NULL,  -- proven: by this run; cache: taken from the cache; file: an earlier run in this file has it;
                            -- failed: the bits differed, and the run used another schedule
    made TEXT NOT NULL,     -- when it was proven, UTC
    seconds REAL NOT NULL,  -- time that took then
    PRIMARY KEY (run, key)
) WITHOUT ROWID;

-- The classes that the network can answer.
CREATE TABLE class (
    id INTEGER PRIMARY KEY, -- index of the output
    name TEXT               -- NULL where no class names were given
);

-- The layers: tensors of the model in which a fault can be injected.
CREATE TABLE layer (
    id INTEGER PRIMARY KEY,    -- target id: order in the model file; 4095: the whole network, in files with faults of scope
                               -- inference
    name TEXT NOT NULL,        -- name of the tensor
    node TEXT,                 -- node that makes it (activation) or reads it first (parameter), NULL: the input
    op TEXT,                   -- operator of that node
    kind TEXT NOT NULL,        -- input, activation, weight, bias, norm, constant; network: layer 4095
    shape TEXT NOT NULL,       -- shape of one sample, such as 64x112x112
    type TEXT NOT NULL,        -- type in which a value is stored: fp32, int8; for layer 4095 empty
    elements INTEGER NOT NULL, -- values
    bits INTEGER NOT NULL,     -- elements x bits of the type
    scale_run INTEGER,         -- element e has the scale of channel e / scale_run % (channels in layer_scale); NULL: the type
                               -- has no scales
    macs INTEGER NOT NULL,     -- multiply-accumulates of that node for one image
    ordinal INTEGER NOT NULL,  -- place in listings and figures, from 0: the input, then by nodes in the order of the model file; a
                               -- parameter stands before the output of the node that reads it first
    label TEXT NOT NULL        -- name in listings and figures: `name`, unless an exporter made that up (onnx::Conv_55). Then it is
                               -- the node, and what the layer is to it: /layer1/conv1/Conv.weight
);

-- The scales of layers whose type has them (int8, 8-bit floats): a value is its word, as a number of the type, times the
-- scale. Weights have one for each output channel, other layers one.
CREATE TABLE layer_scale (
    layer INTEGER NOT NULL,   -- layer.id
    channel INTEGER NOT NULL, -- from 0, see layer.scale_run
    scale REAL NOT NULL,      -- exact: a float32
    PRIMARY KEY (layer, channel)
) WITHOUT ROWID;

-- The images of the campaign.
CREATE TABLE image (
    id INTEGER PRIMARY KEY, -- index in the data set
    path TEXT NOT NULL,     -- identity: where it came from
    label INTEGER,          -- identity: true label as given, NULL: unknown
    class INTEGER           -- class of that label: label + campaign.label_offset
);

-- Images that could not be read or decoded, and why. The last run that tried has left out those of their trials that are
-- not in `unit`. The next run tries again: repair the files first.
CREATE TABLE broken_image (
    image INTEGER PRIMARY KEY, -- image.id
    run INTEGER NOT NULL,      -- run.id
    trials INTEGER NOT NULL,   -- trials planned on it
    reason TEXT NOT NULL       -- what is wrong with the file
);

-- The fault-free (golden) run of each image: its five best classes and their scores.
CREATE TABLE golden (
    image INTEGER PRIMARY KEY,  -- image.id
    run INTEGER NOT NULL,       -- run.id
    sha256 TEXT NOT NULL,       -- SHA-256 of the image file (idx files: of the pixels)
    top1 INTEGER, top2 INTEGER, top3 INTEGER, top4 INTEGER, top5 INTEGER, -- classes by score; NULL: no such rank
    score1 REAL, score2 REAL, score3 REAL, score4 REAL, score5 REAL,      -- their scores (raw outputs)
    p_top1 REAL NOT NULL,       -- probability of top1
    flags INTEGER NOT NULL,     -- 1: NaN in the output, 2: Inf in the output, 4: tie between top1 and top2
    logits_hash TEXT NOT NULL,  -- hash of the output's bits
    class INTEGER GENERATED ALWAYS AS (CASE WHEN top1 IS NULL OR flags & 3 THEN -1 ELSE top1 END) VIRTUAL
                                -- the golden answer: top1, -1: DUE (NaN or Inf in the output)
);

-- Golden runs in full: the best classes of each image and their scores, packed, as many as campaign.top_k says. View
-- ranking unpacks them.
CREATE TABLE golden_ranking (
    image INTEGER PRIMARY KEY, -- image.id
    ranking BLOB NOT NULL      -- 8 bytes a rank: class, bits of the score (fp32); both big-endian. NaN comes before all numbers,
                               -- as in argmax of NumPy and PyTorch; ties in order of class
);

-- The trials as raw facts, one row each: fault site, changed bits, scores. The fault turned the bits of the first site into
-- (before & keep) ^ toggle.
CREATE TABLE trial (
    id INTEGER PRIMARY KEY,    -- entry << 55 | layer << 43 | image << 20 | repetition
    run INTEGER NOT NULL,      -- run.id
    element INTEGER,           -- first faulty site: index in the layer; NULL, as are bit to before, where n_sites is 0, and in
                               -- layer 4095, whose sites are in trial_site
    bit INTEGER,               -- bit number where the site is the flip of one bit, else NULL
    keep INTEGER,              -- and-mask, NULL where bit is given
    toggle INTEGER,            -- xor-mask, NULL where bit is given
    before INTEGER,            -- bits of the first site before the fault
    n_sites INTEGER NOT NULL,  -- number of faulty sites; a trial with a bit error rate may have none
    died_at INTEGER,           -- layer.id at which all values equalled the golden ones again: a masked trial, whose
                               -- answer is the golden one (top1 to flags are NULL); NULL: it reached the output
    top1 INTEGER, top2 INTEGER, top3 INTEGER, top4 INTEGER, top5 INTEGER, -- classes by score; NULL: no such rank
    score1 REAL, score2 REAL, score3 REAL, score4 REAL, score5 REAL,      -- their scores (raw outputs)
    p_golden REAL,             -- probability of the golden class
    flags INTEGER,             -- 1: NaN in the output, 2: Inf in the output, 4: tie between top1 and top2
    audit INTEGER NOT NULL,    -- 1: a full re-run gave the same output
    entry INTEGER GENERATED ALWAYS AS (id >> 55) VIRTUAL,             -- entry.id
    layer INTEGER GENERATED ALWAYS AS ((id >> 43) & 4095) VIRTUAL,    -- layer.id
    image INTEGER GENERATED ALWAYS AS ((id >> 20) & 8388607) VIRTUAL, -- image.id
    repetition INTEGER GENERATED ALWAYS AS (id & 1048575) VIRTUAL     -- 0, 1, 2, ...
);

-- Sites of trials in layer 4095, which may hit several layers: the first of each trial by layer and element, as many as
-- entry.store_sites says. `bitsink plan JOB --sites FILE` writes all of them.
CREATE TABLE trial_site (
    trial INTEGER NOT NULL,   -- trial.id
    layer INTEGER NOT NULL,   -- layer.id in which the site is
    element INTEGER NOT NULL, -- index in that layer
    keep INTEGER NOT NULL,    -- and-mask; the bits became (before & keep) ^ toggle
    toggle INTEGER NOT NULL,  -- xor-mask
    before INTEGER NOT NULL,  -- bits before the fault
    PRIMARY KEY (trial, layer, element)
) WITHOUT ROWID;

-- Answers of trials in full, as golden_ranking; masked trials, whose answer is the golden one, have none.
CREATE TABLE trial_ranking (
    trial INTEGER PRIMARY KEY, -- trial.id
    ranking BLOB NOT NULL      -- as in golden_ranking
);

-- Audited trials, two rows each: as the campaign computed it, and run again in full. A trial whose rows differ ended its
-- run and is not in `trial`.
CREATE TABLE audit (
    trial INTEGER NOT NULL,    -- trial.id
    full INTEGER NOT NULL,     -- 1: the full re-run, 0: the campaign's own
    run INTEGER NOT NULL,      -- run.id
    died_at INTEGER,           -- as in trial; but the answer of a masked trial is here, too
    top1 INTEGER, top2 INTEGER, top3 INTEGER, top4 INTEGER, top5 INTEGER, -- as in trial
    score1 REAL, score2 REAL, score3 REAL, score4 REAL, score5 REAL,      -- as in trial
    p_golden REAL NOT NULL,    -- probability of the golden class
    flags INTEGER NOT NULL,    -- as in trial
    logits_hash TEXT NOT NULL, -- hash of the output's bits
    PRIMARY KEY (trial, full)
) WITHOUT ROWID;

-- The ledger of finished work: how many trials of each stratum and image are in the file. They are the repetitions 0 to
-- done - 1. (A unit of work is a stratum on an image. Columns unit and units of views are something else: what bounds or
-- tests count, such as trials, faults or pairs.)
CREATE TABLE unit (
    entry INTEGER NOT NULL, -- entry.id
    layer INTEGER NOT NULL, -- layer.id
    image INTEGER NOT NULL, -- image.id
    done INTEGER NOT NULL,  -- trials in the file
    PRIMARY KEY (entry, layer, image)
) WITHOUT ROWID;

-- Answers of each stratum and image, counted.
CREATE TABLE summary (
    entry INTEGER NOT NULL,  -- entry.id
    layer INTEGER NOT NULL,  -- layer.id
    image INTEGER NOT NULL,  -- image.id
    class INTEGER NOT NULL,  -- the answer (golden answer for masked trials), -1: DUE
    n INTEGER NOT NULL,      -- trials
    masked INTEGER NOT NULL, -- of these, masked
    sdc5 INTEGER NOT NULL,   -- of these, SDC-5
    sdc10 INTEGER NOT NULL,  -- of these, SDC-10 %
    sdc20 INTEGER NOT NULL,  -- of these, SDC-20 %
    PRIMARY KEY (entry, layer, image, class)
) WITHOUT ROWID;

-- Answers of each stratum, counted over all images.
CREATE TABLE layer_summary (
    entry INTEGER NOT NULL,    -- entry.id
    layer INTEGER NOT NULL,    -- layer.id
    class INTEGER NOT NULL,    -- the answer, -1: DUE
    n INTEGER NOT NULL,        -- trials
    masked INTEGER NOT NULL,   -- of these, masked
    wrong INTEGER NOT NULL,    -- of these, the answer is not the golden one
    sdc5 INTEGER NOT NULL,     -- of these, SDC-5
    sdc10 INTEGER NOT NULL,    -- of these, SDC-10 %
    sdc20 INTEGER NOT NULL,    -- of these, SDC-20 %
    labelled INTEGER NOT NULL, -- of these, on images with a label
    correct INTEGER NOT NULL,  -- of these, the answer is the label
    golden_correct INTEGER NOT NULL,       -- of these, on images that the golden run answers correctly
    golden_correct_wrong INTEGER NOT NULL, -- of golden_correct, the answer is neither golden nor DUE
    PRIMARY KEY (entry, layer, class)
) WITHOUT ROWID;

-- Outcomes of each fault of a parameter, counted over the images it met. Intervals of parameters count its rows.
-- Activations have none.
CREATE TABLE fault_summary (
    entry INTEGER NOT NULL,      -- entry.id
    layer INTEGER NOT NULL,      -- layer.id
    repetition INTEGER NOT NULL, -- number of the fault
    n INTEGER NOT NULL,          -- images it met
    masked INTEGER NOT NULL,     -- of these, masked
    sdc1 INTEGER NOT NULL,       -- of these, SDC-1
    due INTEGER NOT NULL,        -- of these, DUE
    PRIMARY KEY (entry, layer, repetition)
) WITHOUT ROWID;

-- Wrong answers of each fault of a parameter, counted by class. Sink tests of parameters count its faults. A class with
-- zeros in all three counts has no row. Images whose golden answer is DUE are left out.
CREATE TABLE fault_wrong (
    entry INTEGER NOT NULL,       -- entry.id
    layer INTEGER NOT NULL,       -- layer.id
    repetition INTEGER NOT NULL,  -- number of the fault
    class INTEGER NOT NULL,       -- class.id
    n INTEGER NOT NULL,           -- its silent corruptions that answered this class
    runner_up_n INTEGER NOT NULL, -- its silent corruptions on images whose golden runner-up (golden.top2) is this class
    golden_n INTEGER NOT NULL,    -- its silent corruptions on images whose golden answer is this class
    PRIMARY KEY (entry, layer, repetition, class)
) WITHOUT ROWID;
