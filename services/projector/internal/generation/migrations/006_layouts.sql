-- The shape of a generation's tables has a number, its layout. Generations that are
-- there already have layout 0.
ALTER TABLE projector.pointer RENAME TO serving;
ALTER TABLE projector.serving ADD COLUMN layout integer NOT NULL DEFAULT 0;
ALTER TABLE projector.announcing ADD COLUMN layout integer NOT NULL DEFAULT 0;

-- Programs from before layouts fold and erase by way of this view. It goes when a
-- generation with a layout begins to serve: such a program would leave its new tables
-- out, so it must fail from then on.
CREATE VIEW projector.pointer AS SELECT only_row, generation, epoch, high_water, moved_at FROM projector.serving;
