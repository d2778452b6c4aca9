-- Permissions to accept one expired certificate for a while. What is over stays as a part of the history.
CREATE TABLE waiver (
    id TEXT NOT NULL PRIMARY KEY,
    dependency TEXT NOT NULL,
    requested_at BIGINT NOT NULL,
    ended_at BIGINT,
    body TEXT NOT NULL
);
CREATE INDEX waiver_dependency ON waiver (dependency, requested_at);
CREATE INDEX waiver_ended_at ON waiver (ended_at);

-- Certificates that were ever seen revoked.
CREATE TABLE revoked_certificate (
    sha256 TEXT NOT NULL PRIMARY KEY
) {clustered};

-- What people did. Every row holds the hash of the one before, so that no row can be changed without all that follow it.
CREATE TABLE audit_log (
    seq BIGINT NOT NULL PRIMARY KEY CHECK (seq > 0),
    at BIGINT NOT NULL,
    who TEXT,
    action TEXT NOT NULL,
    details TEXT NOT NULL,
    previous TEXT NOT NULL,
    hash TEXT NOT NULL
);
CREATE INDEX audit_log_at ON audit_log (at);
