-- The types in which values are stored, and the fields of their words. The rows are those of kernels/dtype.h, put in when the
-- program is built.
CREATE VIEW number_type AS
SELECT column1 AS type,       -- name of the type, as in job files and layer.type
       column2 AS bits,       -- of a word
       column3 AS exponent,   -- mask of its exponent; 0: an integer
       column4 AS mantissa,   -- mask of its mantissa; of an integer all bits but the sign, which is its highest
       column5 AS exact,      -- 1: every fp32 number is one of the type
       column6 AS most        -- 0: words mean numbers; else they mean multiples of a scale, up to this one in golden runs
  FROM (VALUES
@number_types);
