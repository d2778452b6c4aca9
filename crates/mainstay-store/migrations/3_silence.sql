-- What nobody is told of for a while, made at run time. One that ended stays as a part of the history.
CREATE TABLE silence (
    id TEXT NOT NULL PRIMARY KEY,
    ends_at BIGINT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX silence_ends_at ON silence (ends_at);
