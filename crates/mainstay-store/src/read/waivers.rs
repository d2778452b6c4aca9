use mainstay_model::{DependencyName, Waiver, WaiverId};

use super::{all, bounded};
use crate::database::Database;
use crate::{StoreError, sql};

pub(crate) async fn waivers(
    database: &Database,
    of: Option<&DependencyName>,
    limit: u32,
) -> Result<Vec<Waiver>, StoreError> {
    let of = of.map_or("", DependencyName::as_str);
    all(database.rows(sql::WAIVERS_OF, vec![of.into(), bounded(limit).into()]).await?, "waiver", "id")
}

pub(crate) async fn waiver(database: &Database, id: WaiverId) -> Result<Option<Waiver>, StoreError> {
    let found = all(database.rows(sql::WAIVER, vec![id.to_string().into()]).await?, "waiver", "id")?;
    Ok(found.into_iter().next())
}
