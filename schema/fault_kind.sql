-- The kinds of faults, and what sets them apart. Other views ask here instead of naming kinds. The rows are those of
-- kernels/fault.h, put in when the program is built.
CREATE VIEW fault_kind AS
SELECT column1 AS kind,      -- name of the kind, as in job files and entry.kind
       column2 AS bitwise,   -- 1: hits single bits; 0: replaces the whole value
       column3 AS permanent, -- 1: stays, so that running again meets it again; 0: is gone the next time
       column4 AS random,    -- 1: what it writes is drawn for each trial, so that its faults cannot be counted
       lower(column5) AS parameter, -- key of the job that it needs; NULL: none
       column6 AS meaning    -- what such a fault does
  FROM (VALUES
@fault_kinds);
