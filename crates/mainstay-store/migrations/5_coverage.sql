-- Proofs that somebody will be told, one row each time that it was proven; the body has the matrix and what was wrong.
CREATE TABLE coverage (
    at BIGINT NOT NULL PRIMARY KEY,
    holes BIGINT NOT NULL,
    ways BIGINT NOT NULL,
    body TEXT NOT NULL
);
