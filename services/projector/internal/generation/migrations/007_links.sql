-- What was said of each workout that ever was linked, or had its link taken. It is no
-- part of a generation: a link's version must not fall by a rebuild. Where changes is
-- more than announced, the link as it is now is still to be announced.
CREATE TABLE projector.workout_links (
    workout_id   uuid PRIMARY KEY,
    user_id      uuid NOT NULL,
    link_version bigint NOT NULL, -- the highest sequence of a fact about the person that the last change saw
    changes      bigint NOT NULL,
    announced    bigint NOT NULL, -- changes that were
    changed_at   timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX workout_links_by_user ON projector.workout_links (user_id);
CREATE INDEX workout_links_pending ON projector.workout_links (user_id, workout_id) WHERE changes > announced;
