use mainstay_store::Location;

use crate::config::Server;

/// Where the configuration says that everything is kept.
pub(crate) fn of(server: &Server) -> Location {
    match &server.database {
        Some(url) => Location::Postgres(url.clone()),
        None => Location::Sqlite(server.data_dir.join("mainstay.db")),
    }
}
