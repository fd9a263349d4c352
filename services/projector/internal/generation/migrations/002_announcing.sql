-- One row while what a rebuild changed is being announced: the generation before
-- stays until then.
CREATE TABLE projector.announcing (
    only_row   boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    generation bigint NOT NULL,  -- the one before
    high_water bigint NOT NULL,  -- the highest sequence folded into it
    done_to    uuid NOT NULL     -- workouts up to this id are through
);
