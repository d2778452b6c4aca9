use std::time::Duration;

use anyhow::bail;
use jiff::Timestamp;
use mainstay_model::{Target, TlsPolicy, Verdict};
use mainstay_probe::{CheckRequest, Prober, ProberOptions};

use super::{Material, SERVER_NAME, runtime};

/// Mainstay's own check, with everything that it observes and keeps.
pub(super) fn subject(
    material: &Material,
    url: &str,
) -> anyhow::Result<impl FnMut(u32) -> anyhow::Result<()> + use<>> {
    let mut request = CheckRequest::new(Target::parse(url)?, Duration::from_secs(10));
    let ca_file = Some(material.root_file());
    request.tls = TlsPolicy { ca_file, server_name: Some(SERVER_NAME.to_owned()), ..TlsPolicy::default() };
    let prober = Prober::new(ProberOptions::default());
    let runtime = runtime()?;
    Ok(move |checks| {
        runtime.block_on(async {
            for _ in 0..checks {
                #[expect(clippy::disallowed_methods, reason = "a service reads the clock for every check")]
                let report = prober.check(&request, Timestamp::now()).await;
                if report.verdict != Verdict::Healthy {
                    bail!("the check went wrong: {:?}", report.failure);
                }
            }
            Ok(())
        })
    })
}
