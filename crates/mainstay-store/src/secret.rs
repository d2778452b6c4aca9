//! Keys that an installation makes for itself, once.

use mainstay_model::Secret;

use crate::database::Database;
use crate::record::Record;
use crate::{StoreError, sql};

/// Whoever is first keeps its own; everybody gets that one.
pub(crate) async fn kept(database: &Database, name: &str, fresh: &Secret) -> Result<Secret, StoreError> {
    database.execute(sql::KEEP_SECRET, vec![name.into(), fresh.expose().into()]).await?;
    let rows = database.rows(sql::SECRET, vec![name.into()]).await?;
    let row = rows.into_iter().next().map(Record::of("secret", "name"));
    // The row was there a moment ago, and nothing ever deletes one.
    row.map_or_else(|| Ok(fresh.clone()), |row| row.text("value").map(Secret::new))
}
