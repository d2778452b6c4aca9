-- One text for SQLite, PostgreSQL and its distributed kin (CockroachDB, YugabyteDB, Citus).
-- Times are microseconds since 1970 in UTC. {clustered} makes SQLite keep a table in the order of its primary key; PostgreSQL needs nothing there.
-- There are no foreign keys: the one writer keeps the order, and checking them would cost every observation a look-up.

-- What a check connects to: one address of one dependency. The small number keeps observations short.
CREATE TABLE endpoint (
    id BIGINT NOT NULL PRIMARY KEY,
    dependency TEXT NOT NULL,
    address TEXT NOT NULL,
    last_seen BIGINT NOT NULL,
    chain_hash BIGINT NOT NULL
);
CREATE UNIQUE INDEX endpoint_name ON endpoint (dependency, address);
CREATE INDEX endpoint_last_seen ON endpoint (last_seen);

-- What one address answered in one check. Exactly one row of each check carries the verdict of the whole.
CREATE TABLE observation (
    endpoint_id BIGINT NOT NULL,
    at BIGINT NOT NULL,
    verdict SMALLINT NOT NULL,
    check_verdict SMALLINT,
    failure_id BIGINT,
    resolve_us INTEGER,
    connect_us INTEGER,
    upgrade_us INTEGER,
    tls_us INTEGER,
    ready_us INTEGER,
    login_us INTEGER,
    query_us INTEGER,
    PRIMARY KEY (endpoint_id, at)
) {clustered};

-- A failure with its message, once however often it is observed. The number is a hash of the body.
CREATE TABLE failure (
    id BIGINT NOT NULL PRIMARY KEY,
    body TEXT NOT NULL,
    last_seen BIGINT NOT NULL
);
CREATE INDEX failure_last_seen ON failure (last_seen);

-- A certificate, once however often it is presented.
CREATE TABLE certificate (
    sha256 TEXT NOT NULL PRIMARY KEY,
    not_after BIGINT NOT NULL,
    body TEXT NOT NULL,
    der BYTEA
);

-- Which certificates an address presented from when on: one row each time that changed.
CREATE TABLE chain (
    endpoint_id BIGINT NOT NULL,
    since BIGINT NOT NULL,
    links TEXT NOT NULL,
    PRIMARY KEY (endpoint_id, since)
) {clustered};

CREATE TABLE dependency_state (
    name TEXT NOT NULL PRIMARY KEY,
    body TEXT NOT NULL,
    chains TEXT NOT NULL
);

CREATE TABLE incident (
    id TEXT NOT NULL PRIMARY KEY,
    opened_at BIGINT NOT NULL,
    resolved_at BIGINT,
    public_at BIGINT,
    body TEXT NOT NULL
);
CREATE INDEX incident_opened_at ON incident (opened_at, id);
CREATE INDEX incident_open ON incident (opened_at) WHERE resolved_at IS NULL;

-- The ordinal keeps entries of the same moment in the order in which they were decided.
CREATE TABLE timeline (
    id TEXT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    ordinal BIGINT NOT NULL,
    incident TEXT,
    dependency TEXT,
    body TEXT NOT NULL
);
CREATE INDEX timeline_at ON timeline (at, ordinal);
CREATE INDEX timeline_incident ON timeline (incident, at, ordinal) WHERE incident IS NOT NULL;
CREATE INDEX timeline_dependency ON timeline (dependency, at, ordinal) WHERE dependency IS NOT NULL;

-- The outbox. State 0 is queued, 1 delivered, 2 given up.
CREATE TABLE delivery (
    id TEXT NOT NULL PRIMARY KEY,
    channel TEXT NOT NULL,
    incident TEXT NOT NULL,
    sequence BIGINT NOT NULL CHECK (sequence > 0),
    created_at BIGINT NOT NULL,
    state SMALLINT NOT NULL CHECK (state BETWEEN 0 AND 2),
    next_attempt_at BIGINT,
    attempts BIGINT NOT NULL,
    ended_at BIGINT,
    note TEXT,
    message TEXT NOT NULL
);
CREATE INDEX delivery_queue ON delivery (channel, incident, sequence) WHERE state = 0;
CREATE INDEX delivery_due ON delivery (next_attempt_at) WHERE state = 0;
CREATE INDEX delivery_incident ON delivery (incident);
CREATE INDEX delivery_ended_at ON delivery (ended_at) WHERE state <> 0;

CREATE TABLE hourly (
    dependency TEXT NOT NULL,
    start BIGINT NOT NULL,
    healthy BIGINT NOT NULL,
    degraded BIGINT NOT NULL,
    down BIGINT NOT NULL,
    inconclusive BIGINT NOT NULL,
    observed_us BIGINT NOT NULL,
    down_us BIGINT NOT NULL,
    latency BYTEA NOT NULL,
    PRIMARY KEY (dependency, start)
) {clustered};
CREATE INDEX hourly_start ON hourly (start);

CREATE TABLE daily (
    dependency TEXT NOT NULL,
    start BIGINT NOT NULL,
    healthy BIGINT NOT NULL,
    degraded BIGINT NOT NULL,
    down BIGINT NOT NULL,
    inconclusive BIGINT NOT NULL,
    observed_us BIGINT NOT NULL,
    down_us BIGINT NOT NULL,
    latency BYTEA NOT NULL,
    PRIMARY KEY (dependency, start)
) {clustered};

-- One row: hours from pending_from on are still to be rolled up, those before closed_to may be. A late observation of a closed hour
-- moves pending_from back and counts version up, so that a roll-up under way knows that it missed something.
CREATE TABLE roll_up (
    id BIGINT NOT NULL PRIMARY KEY,
    pending_from BIGINT NOT NULL,
    closed_to BIGINT NOT NULL,
    version BIGINT NOT NULL
);

-- Single moments: when something was last written, from when on raw observations are kept.
CREATE TABLE mark (
    name TEXT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL
);
