use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};

use super::keeper::Keeper;
use super::place::{Place, run};

/// Fills `place/data` with a copy of the data directory that `make` makes, which takes seconds and is
/// therefore done once in a process for each `key`.
pub(crate) fn copy_of(key: &Path, place: &Place, users: &[&str], make: impl FnOnce(&Place)) -> PathBuf {
    static TEMPLATES: OnceLock<Mutex<BTreeMap<PathBuf, Keeper>>> = OnceLock::new();
    // A panic in `make` poisons the lock but leaves no half template in the map.
    let templates = TEMPLATES.get_or_init(Mutex::default).lock();
    let mut templates = templates.unwrap_or_else(std::sync::PoisonError::into_inner);
    let template = templates.entry(key.to_owned()).or_insert_with(|| {
        let place = Place::new("template", users);
        make(&place);
        Keeper::of_directory(place)
    });
    let data = place.path("data");
    run(place.command(Path::new("cp")).arg("-a").arg(template.place.path("data")).arg(&data));
    data
}
