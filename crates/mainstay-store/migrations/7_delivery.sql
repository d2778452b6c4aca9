-- Messages that were merged into a later one (state 3) or came back (4), that are being carried by somebody, or repeat another one.
ALTER TABLE delivery RENAME TO delivery_before;
CREATE TABLE delivery (
    id TEXT NOT NULL PRIMARY KEY,
    channel TEXT NOT NULL,
    incident TEXT NOT NULL,
    sequence BIGINT NOT NULL CHECK (sequence > 0),
    created_at BIGINT NOT NULL,
    state SMALLINT NOT NULL CHECK (state BETWEEN 0 AND 4),
    next_attempt_at BIGINT,
    attempts BIGINT NOT NULL,
    ended_at BIGINT,
    note TEXT,
    message TEXT NOT NULL,
    again_of TEXT,
    claimed_by BIGINT,
    claimed_until BIGINT
);
INSERT INTO delivery (id, channel, incident, sequence, created_at, state, next_attempt_at, attempts, ended_at, note, message)
    SELECT id, channel, incident, sequence, created_at, state, next_attempt_at, attempts, ended_at, note, message
    FROM delivery_before;
DROP TABLE delivery_before;
CREATE INDEX delivery_queue ON delivery (channel, incident, sequence) WHERE state = 0;
CREATE INDEX delivery_due ON delivery (next_attempt_at) WHERE state = 0;
CREATE INDEX delivery_incident ON delivery (incident);
CREATE INDEX delivery_created_at ON delivery (created_at, id);
CREATE INDEX delivery_ended_at ON delivery (ended_at) WHERE state <> 0;

-- Every try, and what came back later.
CREATE TABLE attempt (
    delivery TEXT NOT NULL,
    at BIGINT NOT NULL,
    channel TEXT NOT NULL,
    result SMALLINT NOT NULL CHECK (result BETWEEN 0 AND 3),
    note TEXT,
    PRIMARY KEY (delivery, at, result)
) {clustered};
CREATE INDEX attempt_channel ON attempt (channel, at);
CREATE INDEX attempt_at ON attempt (at);
