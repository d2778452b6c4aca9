-- Who stands in on call, as it was decided at run time: a handful of rows, read whole at start.
CREATE TABLE schedule_override (
    id TEXT NOT NULL PRIMARY KEY,
    body TEXT NOT NULL
);
