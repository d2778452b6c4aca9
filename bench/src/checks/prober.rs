use std::time::Duration;

use anyhow::ensure;
use jiff::Timestamp;
use mainstay_model::{Target, TlsPolicy, Verdict};
use mainstay_probe::{CheckRequest, Prober, ProberOptions};

use super::{Material, SERVER_NAME, runtime};

/// What a prober knows of the chains that it meets.
#[derive(Clone, Copy)]
pub(super) enum Memory {
    /// It has judged them before, as a service has.
    Kept,
    /// Nothing: each check is made by a new prober, which reads the roots as well.
    None,
}

/// Mainstay's own check, with everything that it observes and keeps.
pub(super) fn subject(
    material: &Material,
    url: &str,
    memory: Memory,
) -> anyhow::Result<impl FnMut(u32) -> anyhow::Result<()> + use<>> {
    let mut request = CheckRequest::new(Target::parse(url)?, Duration::from_secs(10));
    let ca_file = Some(material.root_file());
    request.tls = TlsPolicy { ca_file, server_name: Some(SERVER_NAME.to_owned()), ..TlsPolicy::default() };
    let mut prober = Prober::new(ProberOptions::default());
    let runtime = runtime()?;
    Ok(move |checks| {
        for _ in 0..checks {
            if let Memory::None = memory {
                prober = Prober::new(ProberOptions::default());
            }
            runtime.block_on(check(&prober, &request))?;
        }
        Ok(())
    })
}

async fn check(prober: &Prober, request: &CheckRequest) -> anyhow::Result<()> {
    #[expect(clippy::disallowed_methods, reason = "a service reads the clock for every check")]
    let report = prober.check(request, Timestamp::now()).await;
    ensure!(report.verdict == Verdict::Healthy, "the check went wrong: {:?}", report.failure);
    Ok(())
}
