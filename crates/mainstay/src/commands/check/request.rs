use std::path::Path;
use std::time::Duration;

use mainstay_model::{Landscape, Target, TargetError, nearest};
use mainstay_probe::CheckRequest;

use crate::config;
use crate::request::request;

const USUAL_TIMEOUT: Duration = Duration::from_secs(10);

/// What the command line sets for every target.
pub(super) struct Overrides<'a> {
    pub(super) ca_file: Option<&'a Path>,
    pub(super) server_name: Option<&'a str>,
    pub(super) timeout: Option<Duration>,
    pub(super) query: Option<&'a str>,
}

/// What to check for each target, in their order, or why one of them is none.
///
/// The configuration is read only when a target is not a URL.
pub(super) fn all(
    targets: &[String],
    config: &Path,
    overrides: &Overrides<'_>,
) -> Result<Vec<CheckRequest>, String> {
    let mut landscape: Option<Landscape> = None;
    let mut requests = Vec::with_capacity(targets.len());
    for target in targets {
        let request = match Target::parse(target) {
            Ok(url) => CheckRequest::new(url, USUAL_TIMEOUT),
            Err(error @ TargetError::NoScheme { .. }) => {
                let known = match landscape.take() {
                    Some(known) => known,
                    None => load(config, &error)?,
                };
                let found = find(&known, target, config);
                landscape = Some(known);
                found?
            }
            Err(error) => return Err(error.to_string()),
        };
        requests.push(overrides.apply(request)?);
    }
    Ok(requests)
}

impl Overrides<'_> {
    fn apply(&self, mut request: CheckRequest) -> Result<CheckRequest, String> {
        if let Some(file) = self.ca_file {
            request.tls.ca_file = Some(file.to_owned());
        }
        if let Some(name) = self.server_name {
            request.tls.server_name = Some(name.to_owned());
        }
        if let Some(timeout) = self.timeout {
            request.timeout = timeout;
        }
        if let Some(query) = self.query {
            if let Some(reason) = request.target.no_query_because() {
                return Err(format!("--query cannot be asked of {}: {reason}", request.target));
            }
            request.query = Some(query.to_owned());
        }
        Ok(request)
    }
}

fn load(path: &Path, not_a_url: &TargetError) -> Result<Landscape, String> {
    if !path.exists() {
        return Err(format!(
            "{not_a_url}; and there is no configuration {} in which it could be a name",
            path.display()
        ));
    }
    match config::load(path, &config::environment) {
        Ok(loaded) => Ok(loaded.landscape),
        Err(_) => Err(format!(
            "the configuration {} has errors, so no name of it can be checked: see mainstay config check",
            path.display()
        )),
    }
}

fn find(landscape: &Landscape, name: &str, config: &Path) -> Result<CheckRequest, String> {
    match landscape.dependencies.get(name) {
        Some(dependency) => Ok(request(landscape, dependency)),
        None => {
            let names = landscape.dependencies.keys().map(|name| name.as_str());
            let meant =
                nearest(name, names).map(|near| format!("; did you mean {near}?")).unwrap_or_default();
            Err(format!("{name:?} is neither a URL nor a dependency in {}{meant}", config.display()))
        }
    }
}
