use mainstay_model::{Blame, FailureKind, Verdict};
use mainstay_testkit::Scenario;

use crate::support::{Authority, Folder, LONG, check, in_short, request};

async fn file(path: &std::path::Path) -> mainstay_model::CheckReport {
    check(&request(&format!("file:{}", path.display()), LONG)).await
}

#[tokio::test]
async fn what_cannot_be_read_is_said() {
    let folder = Folder::new();
    for (path, words) in [
        (folder.0.join("missing.pem"), "does not exist"),
        (folder.0.clone(), "not a file"),
        (folder.write("empty.pem", ""), "no certificate"),
        (folder.write("text.pem", "hello\n"), "no certificate"),
        (folder.write("huge.pem", vec![b'x'; 1024 * 1024 + 1]), "larger than 1 MiB"),
    ] {
        let report = file(&path).await;
        let failure = report.failure.clone().unwrap();
        assert_eq!(
            (failure.kind, failure.blame),
            (FailureKind::CertificateInvalid, Blame::Us),
            "{failure:?}"
        );
        assert!(failure.message.contains(words), "{}", failure.message);
        assert_eq!(report.verdict, Verdict::Down);
    }
}

/// A pipe that nobody writes to: opening it would wait for ever.
fn pipe(folder: &Folder) -> std::path::PathBuf {
    let path = folder.0.join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    path
}

#[tokio::test]
async fn what_is_no_file_is_neither_waited_for_nor_read_without_end() {
    let folder = Folder::new();
    for path in [pipe(&folder), "/dev/zero".into(), folder.0.clone()] {
        let report = file(&path).await;
        assert_eq!(in_short(&report), "certificate-invalid resolve us");
        assert!(report.failure.unwrap().message.contains("not a file"), "{}", path.display());
        for url in ["tls://127.0.0.1:9", "file:/etc/hostname"] {
            let mut request = request(url, LONG);
            request.tls.ca_file = Some(path.clone());
            let report = check(&request).await;
            assert_eq!(report.verdict, Verdict::Inconclusive);
            let message = report.failure.unwrap().message;
            assert!(message.contains("it is not a file"), "{message}");
        }
    }
    let mut request = request("tls://127.0.0.1:9", LONG);
    request.tls.ca_file = Some(folder.write("huge.pem", vec![b'x'; 1024 * 1024 + 1]));
    let message = check(&request).await.failure.unwrap().message;
    assert!(message.contains("larger than 1 MiB"), "{message}");
}

#[tokio::test]
async fn certificates_on_disk_are_judged() {
    let (authority, folder) = (Authority::new(), Folder::new());
    let chain = |scenario| authority.pki.identity(scenario, "db.example.com").chain_pem();
    let fine = file(&folder.write("fine.pem", chain(Scenario::Fine))).await;
    assert_eq!(in_short(&fine), "healthy", "{fine:?}");
    let soon = file(&folder.write("soon.pem", chain(Scenario::ExpiringSoon))).await;
    assert_eq!(soon.verdict, Verdict::Degraded);
    let expired = file(&folder.write("expired.pem", chain(Scenario::Expired))).await;
    assert_eq!(in_short(&expired), "certificate-expired resolve us");
    let diagnosis = expired.diagnosis.clone().unwrap();
    assert!(diagnosis.actions[0].starts_with("Renew the certificate in "));
    assert!(diagnosis.cause.ends_with("Its dates were judged, and not its trust and name."), "{diagnosis:?}");
    assert!(!diagnosis.evidence.iter().any(|fact| fact.contains("verifies in full")), "{diagnosis:?}");
    let json = serde_json::to_value(&expired).unwrap();
    assert_eq!(json["failure"]["expired"]["otherwise"]["holds"], "not-judged");
    assert_eq!(json["addresses"][0]["tls"]["verified"], false);
}
