use std::str::FromStr;
use std::time::Duration;

use mainstay_model::Secret;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use super::{Database, fault::postgres_fault, migrate};
use crate::StoreError;

pub(super) async fn open(address: &Secret, location: String) -> Result<Database, StoreError> {
    let options = PgConnectOptions::from_str(address.expose())
        .map_err(|error| StoreError::Address { source: Box::new(error) })?;
    let options = options.application_name("mainstay").statement_cache_capacity(200);
    let pool = PgPoolOptions::new().max_connections(8).acquire_timeout(Duration::from_secs(5));
    let fault = |error| postgres_fault(location.clone(), error);
    let pool = pool.connect_with(options).await.map_err(fault)?;
    let mut connection = pool.acquire().await.map_err(fault)?;
    migrate::postgres(&mut connection, &location).await?;
    drop(connection);
    Ok(Database::Postgres { pool, location })
}
