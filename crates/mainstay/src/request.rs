use mainstay_model::{Dependency, Landscape};
use mainstay_probe::CheckRequest;

/// The check of a configured dependency, with its provider as people know it.
pub(crate) fn request(landscape: &Landscape, dependency: &Dependency) -> CheckRequest {
    let mut request = CheckRequest::from(dependency);
    request.provider = dependency.provider.as_ref().map(|name| landscape.provider_title(name).to_owned());
    request
}
