-- A page of several types. The index by type gives the nearest rows of each type that the
-- person has; the nearest of those are the page. What is filled in: 1 the kept counts of
-- these workouts, 2 the conditions of the rows, 3 their place, order and limit, 4 the
-- order, 5 the number of the limit's argument, 6 the order of the page.
SELECT w.id, w.start_time, w.doc, w.created_at, w.updated_at, w.duplicate_of, w.type
FROM (
    SELECT start_time, id
    FROM (SELECT DISTINCT type%[1]s) had
    CROSS JOIN LATERAL (SELECT start_time, id FROM projector.view_workouts_v1%[2]s AND type = had.type%[3]s) nearest
    %[4]s LIMIT $%[5]d
) page
JOIN projector.view_workouts_v1 w ON w.id = page.id
%[6]s
