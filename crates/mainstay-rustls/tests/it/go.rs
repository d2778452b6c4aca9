//! The file for programs in Go, compiled and asked, where there is a Go to do it.

use std::path::Path;
use std::process::Command;

use mainstay_model::RelayPolicy;
use mainstay_testkit::{Identity, Pki, Scenario};

use crate::scene::{HOUR, now, policy, waiver};

const NAME: &str = "db.example.test";

/// Says of each chain and policy whether the connection may go on.
const PROGRAM: &str = r#"package main

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"time"

	"example.test/waiver"
)

func chain(file string) (all []*x509.Certificate) {
	rest, _ := os.ReadFile(file)
	for block, rest := pem.Decode(rest); block != nil; block, rest = pem.Decode(rest) {
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			panic(err)
		}
		all = append(all, certificate)
	}
	return all
}

func main() {
	now, _ := time.Parse(time.RFC3339, os.Args[1])
	roots := x509.NewCertPool()
	root, _ := os.ReadFile("root.pem")
	roots.AppendCertsFromPEM(root)
	for _, name := range os.Args[2:] {
		var policy *waiver.Policy
		if text, err := os.ReadFile(name + ".json"); err == nil {
			policy = new(waiver.Policy)
			if err := json.Unmarshal(text, policy); err != nil {
				panic(err)
			}
		}
		err := waiver.Admit(chain(name+".pem"), "orders-db", "db.example.test", roots, policy, now)
		fmt.Println(name, err == nil)
	}
}
"#;

#[test]
fn the_file_for_go_admits_what_the_rule_admits() {
    if !Command::new("go").arg("version").output().is_ok_and(|output| output.status.success()) {
        println!("skipped: there is no Go here");
        return;
    }
    let pki = Pki::new(now());
    let folder = std::env::temp_dir().join(format!("mainstay-waiver-go-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("waiver")).unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    write("go.mod", "module example.test\n\ngo 1.21\n");
    write("main.go", PROGRAM);
    write("waiver/waiver.go", include_str!("../../../../docs/reference/waiver.go"));
    write("root.pem", &pki.root_pem());
    let (fine, expired) = (pki.identity(Scenario::Fine, NAME), pki.identity(Scenario::Expired, NAME));
    let waived = policy(now(), vec![waiver(&expired.chain[0], NAME)]);
    let revoked = |identity: &Identity, policy: &RelayPolicy| RelayPolicy {
        revoked: vec![waiver(&identity.chain[0], NAME).pin.sha256],
        ..policy.clone()
    };
    let cases = [
        ("fine-unknown", &fine, None),
        ("fine-known", &fine, Some(waived.clone())),
        ("fine-revoked", &fine, Some(revoked(&fine, &waived))),
        ("expired-unknown", &expired, None),
        ("expired-waived", &expired, Some(waived.clone())),
        ("expired-revoked", &expired, Some(revoked(&expired, &waived))),
        ("other-waived", &pki.identity(Scenario::Expired, NAME), Some(waived.clone())),
    ];
    for (name, identity, policy) in &cases {
        write(&format!("{name}.pem"), &identity.chain_pem());
        if let Some(policy) = policy {
            write(&format!("{name}.json"), &serde_json::to_string(policy).unwrap());
        }
    }
    let names: Vec<&str> = cases.iter().map(|(name, ..)| *name).collect();
    assert_eq!(
        told(&folder, &names),
        "fine-unknown true\nfine-known true\nfine-revoked false\nexpired-unknown false\nexpired-waived true\n\
         expired-revoked false\nother-waived false\n"
    );
    std::fs::remove_dir_all(&folder).unwrap();
}

fn told(folder: &Path, names: &[&str]) -> String {
    let mut go = Command::new("go");
    go.args(["run", "."]).arg((now() + HOUR / 4).to_string()).args(names).current_dir(folder);
    let output = go.env("GOFLAGS", "-mod=mod").env("GOPROXY", "off").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
