//! Every statement, each one text for both engines. A test prepares all of them on both.

use sqlx::AssertSqlSafe;
use sqlx::{SqlSafeStr, SqlStr};

/// How many values an `IN ({list})` takes. A shorter list is filled up with its last value, so that there is one prepared
/// statement for every length.
pub(crate) const LIST: usize = 64;

/// A statement with `{list}` in it; the values of the list come after `fixed` others.
pub(crate) struct List {
    text: &'static str,
    fixed: usize,
}

impl List {
    pub(crate) fn sql(&self) -> SqlStr {
        let list = placeholders(self.fixed + 1, LIST);
        AssertSqlSafe(self.text.replace("{list}", &list)).into_sql_str()
    }
}

/// An `INSERT` with `{rows}` in it, for many rows of `columns` values each.
pub(crate) struct Bulk {
    text: &'static str,
    pub(crate) columns: usize,
}

impl Bulk {
    /// Few lengths, so that there are few prepared statements. The longest keeps below PostgreSQL's 65,535 and SQLite's 32,766 values.
    pub(crate) const LENGTHS: [usize; 3] = [64, 8, 1];

    pub(crate) fn sql(&self, rows: usize) -> SqlStr {
        let row = |row: usize| format!("({})", placeholders(row * self.columns + 1, self.columns));
        let rows = (0..rows).map(row).collect::<Vec<_>>().join(", ");
        AssertSqlSafe(self.text.replace("{rows}", &rows)).into_sql_str()
    }
}

fn placeholders(first: usize, count: usize) -> String {
    (first..first + count).map(|number| format!("${number}")).collect::<Vec<_>>().join(", ")
}

macro_rules! statements {
    ($($name:ident = $text:literal;)*) => {
        $(pub(crate) const $name: &str = $text;)*
        #[cfg(test)]
        const STATEMENTS: &[&str] = &[$($name,)*];
    };
}

macro_rules! lists {
    ($($name:ident($fixed:literal) = $text:literal;)*) => {
        $(pub(crate) const $name: List = List { text: $text, fixed: $fixed };)*
        #[cfg(test)]
        const LISTS: &[List] = &[$($name,)*];
    };
}

macro_rules! bulks {
    ($($name:ident($columns:literal) = $text:literal;)*) => {
        $(pub(crate) const $name: Bulk = Bulk { text: $text, columns: $columns };)*
        #[cfg(test)]
        const BULKS: &[Bulk] = &[$($name,)*];
    };
}

/// Every text that is ever sent, for the test that prepares them.
#[cfg(test)]
pub(crate) fn all() -> Vec<SqlStr> {
    let statements = STATEMENTS.iter().map(|text| (*text).into_sql_str());
    let bulks = BULKS.iter().flat_map(|bulk| Bulk::LENGTHS.map(|rows| bulk.sql(rows)));
    statements.chain(LISTS.iter().map(List::sql)).chain(bulks).collect()
}

bulks! {
    INSERT_CERTIFICATES(4) = "INSERT INTO certificate (sha256, not_after, body, der) VALUES {rows}
        ON CONFLICT (sha256) DO UPDATE SET der = COALESCE(certificate.der, excluded.der)";
    // Without a rule for conflicts: when another node took the number, or added the address, everything is to be tried again.
    ADD_ENDPOINTS(5) = "INSERT INTO endpoint (id, dependency, address, last_seen, chain_hash) VALUES {rows}";
    NOTE_ENDPOINTS(5) = "INSERT INTO endpoint (id, dependency, address, last_seen, chain_hash) VALUES {rows}
        ON CONFLICT (id) DO UPDATE SET last_seen = excluded.last_seen, chain_hash = excluded.chain_hash";
    INSERT_CHAINS(3) = "INSERT INTO chain (endpoint_id, since, links) VALUES {rows}
        ON CONFLICT (endpoint_id, since) DO UPDATE SET links = excluded.links";
    INSERT_FAILURES(3) = "INSERT INTO failure (id, body, last_seen) VALUES {rows}
        ON CONFLICT (id) DO UPDATE SET last_seen = excluded.last_seen
        WHERE failure.last_seen < excluded.last_seen - 86400000000";
    INSERT_OBSERVATIONS(12) = "INSERT INTO observation (endpoint_id, at, verdict, check_verdict, failure_id, resolve_us,
            connect_us, upgrade_us, tls_us, ready_us, login_us, query_us) VALUES {rows}
        ON CONFLICT (endpoint_id, at) DO NOTHING";
    INSERT_STATES(3) = "INSERT INTO dependency_state (name, body, chains) VALUES {rows}
        ON CONFLICT (name) DO UPDATE SET body = excluded.body, chains = excluded.chains";
    INSERT_INCIDENTS(6) = "INSERT INTO incident (id, opened_at, resolved_at, public_at, drill_of, body) VALUES {rows}
        ON CONFLICT (id) DO UPDATE SET opened_at = excluded.opened_at, resolved_at = excluded.resolved_at,
            public_at = excluded.public_at, drill_of = excluded.drill_of, body = excluded.body";
    INSERT_TIMELINE(6) = "INSERT INTO timeline (id, at, ordinal, incident, dependency, body) VALUES {rows}
        ON CONFLICT (id) DO NOTHING";
    INSERT_CHANNELS(2) = "INSERT INTO channel_record (name, body) VALUES {rows}
        ON CONFLICT (name) DO UPDATE SET body = excluded.body";
    INSERT_HEARTBEATS(2) = "INSERT INTO heartbeat_record (name, body) VALUES {rows}
        ON CONFLICT (name) DO UPDATE SET body = excluded.body";
    INSERT_SILENCES(3) = "INSERT INTO silence (id, ends_at, body) VALUES {rows}
        ON CONFLICT (id) DO UPDATE SET ends_at = excluded.ends_at, body = excluded.body";
    INSERT_DELIVERIES(12) = "INSERT INTO delivery (id, channel, incident, sequence, created_at, state, next_attempt_at,
            attempts, ended_at, note, message, again_of) VALUES {rows}
        ON CONFLICT (id) DO NOTHING";
    INSERT_WAIVERS(5) = "INSERT INTO waiver (id, dependency, requested_at, ended_at, body) VALUES {rows}
        ON CONFLICT (id) DO UPDATE SET ended_at = excluded.ended_at, body = excluded.body";
    INSERT_REVOKED(1) = "INSERT INTO revoked_certificate (sha256) VALUES {rows} ON CONFLICT (sha256) DO NOTHING";
    INSERT_OVERRIDES(2) = "INSERT INTO schedule_override (id, body) VALUES {rows}
        ON CONFLICT (id) DO UPDATE SET body = excluded.body";
    INSERT_HOURLY(9) = "INSERT INTO hourly (dependency, start, healthy, degraded, down, inconclusive, observed_us,
            down_us, latency) VALUES {rows}
        ON CONFLICT (dependency, start) DO UPDATE SET healthy = excluded.healthy, degraded = excluded.degraded,
            down = excluded.down, inconclusive = excluded.inconclusive, observed_us = excluded.observed_us,
            down_us = excluded.down_us, latency = excluded.latency";
    INSERT_DAILY(9) = "INSERT INTO daily (dependency, start, healthy, degraded, down, inconclusive, observed_us,
            down_us, latency) VALUES {rows}
        ON CONFLICT (dependency, start) DO UPDATE SET healthy = excluded.healthy, degraded = excluded.degraded,
            down = excluded.down, inconclusive = excluded.inconclusive, observed_us = excluded.observed_us,
            down_us = excluded.down_us, latency = excluded.latency";
}

lists! {
    ENDPOINTS_OF(0) = "SELECT id, dependency, address, last_seen, chain_hash FROM endpoint WHERE dependency IN ({list})";
    KNOWN_CERTIFICATES(0) = "SELECT sha256, CASE WHEN der IS NULL THEN 0 ELSE 1 END AS has_der FROM certificate
        WHERE sha256 IN ({list})";
    CERTIFICATES(0) = "SELECT sha256, body FROM certificate WHERE sha256 IN ({list})";
    OBSERVATIONS_BETWEEN(2) = "SELECT endpoint_id, at, check_verdict, resolve_us, connect_us, upgrade_us, tls_us, ready_us,
            login_us, query_us
        FROM observation WHERE endpoint_id IN ({list}) AND at >= $1 AND at < $2";
    HOURLY_BETWEEN(2) = "SELECT dependency, start, healthy, degraded, down, inconclusive, observed_us, down_us, latency
        FROM hourly WHERE dependency IN ({list}) AND start >= $1 AND start < $2 ORDER BY dependency, start";
    DELETE_OBSERVATIONS(1) = "DELETE FROM observation WHERE endpoint_id IN ({list}) AND at < $1";
    DELETE_OLD_CHAINS(1) = "DELETE FROM chain WHERE endpoint_id IN ({list}) AND since < $1
        AND since < (SELECT MAX(since) FROM chain AS newest WHERE newest.endpoint_id = chain.endpoint_id)";
    DELETE_CHAINS(0) = "DELETE FROM chain WHERE endpoint_id IN ({list})";
    DELETE_OVERRIDES(0) = "DELETE FROM schedule_override WHERE id IN ({list})";
    // Where two ask for the same at once, the later one finds it claimed when the earlier has committed: PostgreSQL looks at the row
    // again, and SQLite lets only one write. So one text does on both what SKIP LOCKED does on one.
    CLAIM_DELIVERIES(4) = "UPDATE delivery SET claimed_by = $1, claimed_until = $2
        WHERE state = 0 AND (next_attempt_at <= $3 OR next_attempt_at > $4)
            AND (claimed_until IS NULL OR claimed_until <= $3 OR claimed_until > $4) AND id IN ({list}) RETURNING id";
    DELETE_ENDPOINTS(1) = "DELETE FROM endpoint WHERE id IN ({list}) AND last_seen < $1";
}

statements! {
    // SQLite takes anything for a number, and text for more than any; a damaged row must not be the last one for ever.
    LAST_ENDPOINT = "SELECT COALESCE(MAX(CAST(id AS BIGINT)), 0) AS id FROM endpoint WHERE id < 9223372036854775807";
    FORGET_ENDPOINT = "DELETE FROM endpoint WHERE dependency = $1 AND address = $2";
    CURRENT_CHAIN = "SELECT endpoint_id, since, links FROM chain WHERE endpoint_id = $1 ORDER BY since DESC LIMIT 1";

    DELIVERED = "UPDATE delivery SET state = 1, ended_at = $2, note = $3, next_attempt_at = NULL,
            claimed_by = NULL, claimed_until = NULL WHERE id = $1 AND state <> 1 AND state <> 4";
    // A channel that took a message after it had failed takes the others as well that wait for it.
    HURRY_OTHERS = "UPDATE delivery SET next_attempt_at = $2 WHERE state = 0 AND attempts > 0 AND next_attempt_at > $2
            AND channel = (SELECT channel FROM delivery AS taken WHERE taken.id = $1 AND taken.attempts > 0)";
    RETRY = "UPDATE delivery SET next_attempt_at = $2, note = $3, attempts = attempts + 1,
            claimed_by = NULL, claimed_until = NULL WHERE id = $1 AND state = 0";
    GIVEN_UP = "UPDATE delivery SET state = 2, ended_at = $2, note = $3, next_attempt_at = NULL,
            claimed_by = NULL, claimed_until = NULL WHERE id = $1 AND state = 0";
    MERGED = "UPDATE delivery SET state = 3, ended_at = $2, note = $3, next_attempt_at = NULL,
            claimed_by = NULL, claimed_until = NULL WHERE id = $1 AND state = 0";
    REWORDED = "UPDATE delivery SET next_attempt_at = $2, attempts = $3, message = $4 WHERE id = $1 AND state = 0";
    HURRIED = "UPDATE delivery SET next_attempt_at = $2 WHERE id = $1 AND state = 0 AND next_attempt_at > $2";
    // What comes back may come before the acceptance was written down.
    BOUNCED = "UPDATE delivery SET state = 4, ended_at = $2, note = $3, next_attempt_at = NULL,
            claimed_by = NULL, claimed_until = NULL WHERE id = $1 AND (state = 0 OR state = 1)";
    RENEW_CLAIMS = "UPDATE delivery SET claimed_until = $2 WHERE state = 0 AND claimed_until IS NOT NULL AND claimed_by = $1";
    END_CLAIMS = "UPDATE delivery SET claimed_by = NULL, claimed_until = NULL WHERE state = 0 AND claimed_until IS NOT NULL";
    INSERT_ATTEMPT = "INSERT INTO attempt (delivery, at, channel, result, note)
        SELECT id, $2, channel, $3, $4 FROM delivery WHERE id = $1 ON CONFLICT (delivery, at, result) DO NOTHING";

    SET_MARK = "INSERT INTO mark (name, at) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET at = excluded.at
        WHERE mark.at < excluded.at";
    TOUCH_MARK = "INSERT INTO mark (name, at) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET at = excluded.at";
    MARK = "SELECT at FROM mark WHERE name = $1";
    ANY_WAIVER = "SELECT id FROM waiver LIMIT 1";

    STATES = "SELECT name, body, chains FROM dependency_state ORDER BY name";
    SILENCES_ALL = "SELECT id, body FROM silence ORDER BY id";
    INSERT_COVERAGE = "INSERT INTO coverage (at, holes, ways, body) VALUES ($1, $2, $3, $4)
        ON CONFLICT (at) DO UPDATE SET holes = excluded.holes, ways = excluded.ways, body = excluded.body";
    LATEST_COVERAGE = "SELECT at, holes, ways, body FROM coverage ORDER BY at DESC LIMIT 1";
    COVERAGES = "SELECT at, holes, ways FROM coverage ORDER BY at DESC LIMIT $1";
    DELETE_COVERAGE = "DELETE FROM coverage WHERE at <= (SELECT at FROM coverage ORDER BY at DESC LIMIT 1 OFFSET $1)";
    OVERRIDES = "SELECT id, body FROM schedule_override ORDER BY id";
    CERTIFICATE_DER = "SELECT sha256, der FROM certificate WHERE sha256 = $1";
    DUTIES = "SELECT endpoint.id, endpoint.dependency, endpoint.address, endpoint.last_seen, chain.links,
            (SELECT MAX(at) FROM observation WHERE observation.endpoint_id = endpoint.id) AS observed_at
        FROM endpoint LEFT JOIN chain ON chain.endpoint_id = endpoint.id
        WHERE chain.since IS NULL OR chain.since = (SELECT MAX(since) FROM chain AS newest WHERE newest.endpoint_id = endpoint.id)
        ORDER BY endpoint.id LIMIT $1";

    OBSERVATIONS = "SELECT endpoint.address, endpoint_id, at, verdict, check_verdict, failure_id, failure.body AS failure,
            resolve_us, connect_us, upgrade_us, tls_us, ready_us, login_us, query_us
        FROM endpoint JOIN observation ON observation.endpoint_id = endpoint.id
            LEFT JOIN failure ON failure.id = observation.failure_id
        WHERE endpoint.dependency = $1 AND at >= $2 AND at < $3 ORDER BY at DESC, endpoint_id DESC LIMIT $4";
    CHECKS = "SELECT endpoint_id, at, verdict, check_verdict, failure_id, failure.body AS failure, resolve_us,
            connect_us, upgrade_us, tls_us, ready_us, login_us, query_us
        FROM endpoint JOIN observation ON observation.endpoint_id = endpoint.id
            LEFT JOIN failure ON failure.id = observation.failure_id
        WHERE endpoint.dependency = $1 AND at >= (
            SELECT COALESCE(MIN(at), 0) FROM (
                SELECT at FROM endpoint AS e JOIN observation AS o ON o.endpoint_id = e.id
                WHERE e.dependency = $1 AND o.check_verdict IS NOT NULL ORDER BY at DESC LIMIT $2
            ) AS latest)
        ORDER BY at DESC, endpoint_id LIMIT $3";

    LATEST_TROUBLE = "SELECT at FROM endpoint JOIN observation ON observation.endpoint_id = endpoint.id
        WHERE endpoint.dependency = $1 AND at >= $2 AND at < $3 AND failure_id IS NOT NULL ORDER BY at DESC LIMIT 1";
    LATEST_CHECK = "SELECT at FROM endpoint JOIN observation ON observation.endpoint_id = endpoint.id
        WHERE endpoint.dependency = $1 AND at >= $2 AND at < $3 ORDER BY at DESC LIMIT 1";
    CHECKS_FROM = "SELECT endpoint.address, endpoint_id, at, verdict, check_verdict, failure_id, failure.body AS failure,
            resolve_us, connect_us, upgrade_us, tls_us, ready_us, login_us, query_us
        FROM endpoint JOIN observation ON observation.endpoint_id = endpoint.id
            LEFT JOIN failure ON failure.id = observation.failure_id
        WHERE endpoint.dependency = $1 AND at >= $2 AND at < $3 ORDER BY at, endpoint_id LIMIT $4";
    CHAINS_OF = "SELECT chain.endpoint_id, since, links FROM endpoint JOIN chain ON chain.endpoint_id = endpoint.id
        WHERE endpoint.dependency = $1 ORDER BY since, chain.endpoint_id LIMIT $2";

    TIMELINE = "SELECT id, body FROM timeline
        WHERE (at < $1 OR (at = $1 AND ordinal < $2)) ORDER BY at DESC, ordinal DESC, id DESC LIMIT $3";
    TIMELINE_OF_INCIDENT = "SELECT id, body FROM timeline
        WHERE incident = $4 AND (at < $1 OR (at = $1 AND ordinal < $2)) ORDER BY at DESC, ordinal DESC, id DESC LIMIT $3";
    TIMELINE_OF_DEPENDENCY = "SELECT id, body FROM timeline
        WHERE dependency = $4 AND (at < $1 OR (at = $1 AND ordinal < $2)) ORDER BY at DESC, ordinal DESC, id DESC LIMIT $3";
    TIMELINE_OF_BOTH = "SELECT id, body FROM timeline
        WHERE incident = $4 AND dependency = $5 AND (at < $1 OR (at = $1 AND ordinal < $2))
        ORDER BY at DESC, ordinal DESC, id DESC LIMIT $3";
    TIMELINE_PLACE = "SELECT at, ordinal FROM timeline WHERE id = $1";

    INCIDENT = "SELECT id, body FROM incident WHERE id = $1";
    INCIDENT_PLACE = "SELECT opened_at FROM incident WHERE id = $1";
    INCIDENTS = "SELECT id, body FROM incident
        WHERE (opened_at < $1 OR (opened_at = $1 AND id < $2))
            AND (resolved_at IS NULL OR resolved_at >= $3)
            AND ($4 = 0 OR public_at IS NOT NULL)
            AND ($5 = 0 OR ($5 = 1 AND resolved_at IS NULL) OR ($5 = 2 AND resolved_at IS NOT NULL))
        ORDER BY opened_at DESC, id DESC LIMIT $6";
    OPEN_INCIDENTS = "SELECT id, body FROM incident WHERE resolved_at IS NULL ORDER BY opened_at DESC, id DESC LIMIT $1";
    DRILLS = "SELECT id, body FROM incident WHERE drill_of IS NOT NULL ORDER BY opened_at DESC, id DESC LIMIT $1";
    DRILLS_OF = "SELECT id, body FROM incident WHERE drill_of = $1 ORDER BY opened_at DESC, id DESC LIMIT $2";
    INCIDENTS_RESOLVED_SINCE = "SELECT id, body FROM incident WHERE resolved_at >= $1 ORDER BY opened_at, id";

    CHANNEL_RECORDS = "SELECT name, body FROM channel_record ORDER BY name";
    HEARTBEAT_RECORDS = "SELECT name, body FROM heartbeat_record ORDER BY name";
    KEEP_SECRET = "INSERT INTO secret (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
    SECRET = "SELECT name, value FROM secret WHERE name = $1";

    WAIVERS = "SELECT id, body FROM waiver WHERE ended_at IS NULL OR ended_at >= $1 ORDER BY id";
    WAIVERS_OF = "SELECT id, body FROM waiver WHERE $1 = '' OR dependency = $1 ORDER BY requested_at DESC, id DESC LIMIT $2";
    WAIVER = "SELECT id, body FROM waiver WHERE id = $1";
    REVOKED = "SELECT sha256 FROM revoked_certificate ORDER BY sha256";
    LAST_AUDITED = "SELECT seq, hash FROM audit_log ORDER BY seq DESC LIMIT 1";
    SAME_AUDITED = "SELECT seq FROM audit_log WHERE at = $1 AND action = $2 AND COALESCE(who, '') = $3 AND details = $4";
    INSERT_AUDITED = "INSERT INTO audit_log (seq, at, who, action, details, previous, hash) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    AUDITED = "SELECT seq, at, who, action, details, previous, hash FROM audit_log WHERE seq > $1 ORDER BY seq LIMIT $2";

    SILENCES = "SELECT id, body FROM silence WHERE ends_at > $1 ORDER BY id";

    // What is late comes after what is fresh, so that a channel that was away for long does not hide what is new.
    DUE_DELIVERIES = "SELECT id, channel, incident, sequence, created_at, state, next_attempt_at, attempts, ended_at, note, message, again_of
        FROM delivery WHERE state = 0 AND (next_attempt_at <= $1 OR next_attempt_at > $3)
            AND (claimed_until IS NULL OR claimed_until <= $1 OR claimed_until > $3)
            AND NOT EXISTS (SELECT 1 FROM delivery AS earlier WHERE earlier.state = 0 AND earlier.channel = delivery.channel
                AND earlier.incident = delivery.incident AND earlier.sequence < delivery.sequence)
        ORDER BY CASE WHEN created_at > $4 THEN 0 ELSE 1 END, next_attempt_at, id LIMIT $2";
    WAITING_BEHIND = "SELECT id, channel, incident, sequence, created_at, state, next_attempt_at, attempts, ended_at, note, message, again_of
        FROM delivery WHERE state = 0 AND channel = $1 AND incident = $2 AND sequence >= $3 ORDER BY sequence, id LIMIT $4";
    FIRST_ENTRY = "SELECT MIN(at) AS at FROM timeline";
    NEXT_DELIVERY = "SELECT MIN(CASE WHEN claimed_until > next_attempt_at THEN claimed_until ELSE next_attempt_at END) AS at
        FROM delivery WHERE state = 0
            AND NOT EXISTS (SELECT 1 FROM delivery AS earlier WHERE earlier.state = 0 AND earlier.channel = delivery.channel
                AND earlier.incident = delivery.incident AND earlier.sequence < delivery.sequence)";
    DELIVERY = "SELECT id, channel, incident, sequence, created_at, state, next_attempt_at, attempts, ended_at, note, message, again_of
        FROM delivery WHERE id = $1";
    DELIVERIES_WHERE = "SELECT id, channel, incident, sequence, created_at, state, next_attempt_at, attempts, ended_at, note, message, again_of
        FROM delivery WHERE (created_at < $1 OR (created_at = $1 AND id < $2)) AND ($3 < 0 OR state = $3)
            AND ($4 = '' OR channel = $4) AND ($5 = '' OR incident = $5)
        ORDER BY created_at DESC, id DESC LIMIT $6";
    ATTEMPTS = "SELECT delivery, at, result, note FROM attempt WHERE delivery = $1 ORDER BY at DESC, result DESC LIMIT $2";
    LATEST_ATTEMPT = "SELECT delivery, at, result, note FROM attempt
        WHERE channel = $1 AND (result = $2 OR result = $3) ORDER BY at DESC LIMIT 1";
    QUEUES = "SELECT channel, COUNT(*) AS messages, MIN(created_at) AS since FROM delivery WHERE state = 0
        GROUP BY channel ORDER BY channel";
    DELIVERIES = "SELECT id, channel, incident, sequence, created_at, state, next_attempt_at, attempts, ended_at, note, message, again_of
        FROM delivery WHERE incident = $1 ORDER BY created_at, channel, sequence, id";
    LATEST_RECEIPT = "SELECT note FROM delivery
        WHERE incident = $1 AND channel = $2 AND state = 1 AND note IS NOT NULL AND sequence < $3
        ORDER BY sequence DESC LIMIT 1";
    DELIVERY_COUNTS = "SELECT state, COUNT(*) AS messages FROM delivery GROUP BY state";

    HOURLY = "SELECT dependency, start, healthy, degraded, down, inconclusive, observed_us, down_us, latency FROM hourly
        WHERE dependency = $1 AND start >= $2 AND start < $3 ORDER BY start";
    DAILY = "SELECT dependency, start, healthy, degraded, down, inconclusive, observed_us, down_us, latency FROM daily
        WHERE dependency = $1 AND start >= $2 AND start < $3 ORDER BY start";

    EXPECT_ROLL_UP = "INSERT INTO roll_up (id, pending_from, closed_to, version) VALUES (1, $1, 0, 0)
        ON CONFLICT (id) DO UPDATE SET version = roll_up.version + 1,
            pending_from = CASE WHEN excluded.pending_from < roll_up.pending_from
                THEN excluded.pending_from ELSE roll_up.pending_from END
        WHERE excluded.pending_from < roll_up.closed_to OR excluded.pending_from < roll_up.pending_from";
    CLOSE_HOURS = "UPDATE roll_up SET closed_to = $1 WHERE id = 1 AND closed_to <> $1";
    PENDING_ROLL_UP = "SELECT pending_from, closed_to, version FROM roll_up WHERE id = 1";
    ROLLED_UP = "UPDATE roll_up SET pending_from = $1 WHERE id = 1 AND version = $2";
    ENDPOINTS = "SELECT id, dependency FROM endpoint ORDER BY dependency, id";

    DELETE_HOURS = "DELETE FROM hourly WHERE (dependency, start) IN (
        SELECT dependency, start FROM hourly WHERE start < $1 ORDER BY start LIMIT 2000)";
    DELETE_DELIVERIES = "DELETE FROM delivery WHERE id IN (
        SELECT id FROM delivery WHERE state <> 0 AND ended_at < $1 ORDER BY ended_at LIMIT 2000)";
    DELETE_ATTEMPTS = "DELETE FROM attempt WHERE (delivery, at) IN (
        SELECT delivery, at FROM attempt WHERE at < $1 ORDER BY at LIMIT 2000)";
    DELETE_FAILURES = "DELETE FROM failure WHERE id IN (
        SELECT id FROM failure WHERE last_seen < $1 ORDER BY last_seen LIMIT 2000)";
    ENDPOINTS_UNSEEN = "SELECT id FROM endpoint WHERE last_seen < $1 ORDER BY last_seen LIMIT 64";

    PING = "SELECT 1 AS one";
}

// Of one engine each, for whoever reads beside the process that the database belongs to.
pub(crate) const SQLITE_HAS_TABLE: &str = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = $1";
pub(crate) const POSTGRES_HAS_TABLE: &str = "SELECT 1 FROM information_schema.tables
    WHERE table_name = $1 AND table_schema = current_schema()";

// Of PostgreSQL and its kin alone. The number is "MSTN" and the hash of the schema: tables in different schemas are different stores.
pub(crate) const TRY_LOCK: &str =
    "SELECT pg_try_advisory_lock(1297306702, ('x' || substr(md5(current_schema()), 1, 8))::bit(32)::integer)";
pub(crate) const TAKE_NUMBER: &str = "INSERT INTO mark (name, at) VALUES ('writer', 1)
    ON CONFLICT (name) DO UPDATE SET at = mark.at + 1 RETURNING at";
pub(crate) const LATEST_NUMBER: &str = "SELECT at FROM mark WHERE name = 'writer' FOR UPDATE";

#[cfg(test)]
mod tests {
    use mainstay_model::Secret;
    use mainstay_testkit::servers::{Postgres, PostgresOptions, require};
    use sqlx::Executor as _;

    use super::*;
    use crate::Location;
    use crate::database::Database;

    async fn prepare_all(location: &Location) {
        let database = Database::open(location).await.unwrap();
        for sql in all() {
            let prepared = match &database {
                Database::Sqlite { writer, .. } => {
                    writer.acquire().await.unwrap().prepare(sql.clone()).await.map(drop)
                }
                Database::Postgres { writer, .. } => {
                    writer.acquire().await.unwrap().prepare(sql.clone()).await.map(drop)
                }
            };
            prepared.unwrap_or_else(|error| panic!("{error}\n{}", sql.as_str()));
        }
    }

    #[tokio::test]
    async fn sqlite_understands_every_statement() {
        let directory = std::env::temp_dir().join(format!("mainstay-store-sql-{}", std::process::id()));
        prepare_all(&Location::Sqlite(directory.join("mainstay.db"))).await;
        std::fs::remove_dir_all(directory).unwrap();
    }

    #[tokio::test]
    async fn postgres_understands_every_statement() {
        if !require(Postgres::available()) {
            return;
        }
        let server = Postgres::start(PostgresOptions::default());
        prepare_all(&Location::Postgres(Secret::new(server.admin_url("postgres")))).await;
    }

    #[test]
    fn every_insert_keeps_below_the_limits_on_parameters() {
        assert!(BULKS.iter().all(|bulk| bulk.columns * Bulk::LENGTHS[0] < 32_766));
        assert_eq!(Bulk::LENGTHS.last(), Some(&1), "any number of rows can be made up of the lengths");
    }
}
