//! Bad credentials of gateways.

use super::*;

#[test]
fn a_bad_list_of_credentials_is_refused() {
    let (demo, other) = (hex("demo-token"), hex("app-secret"));
    let missing = ": is missing: authentication is on, write at least one {name, sha256}";
    check(
        with_credentials,
        "gateways[0].credentials",
        [
            (json!(null), missing),
            (json!([]), missing),
            (json!("demo"), ": must be a list, found text"),
            (
                json!([{"sha256": demo}]),
                "[0].name: is missing: write a name for the log, such as ci",
            ),
            (
                json!([{"name": "a b", "sha256": demo}]),
                "[0].name: must be 1 to 64 visible ASCII characters",
            ),
            (
                json!([{"name": "a", "sha256": demo}, {"name": "a", "sha256": other}]),
                "[1]: has the name of gateways[0].credentials[0]: give it its own name",
            ),
            (
                json!([
                    {"name": "a", "sha256": other},
                    {"name": "b", "environment_variable": "SLUICE_APP_CREDENTIAL"},
                ]),
                "[1]: is the same credential as gateways[0].credentials[0]: remove one of them",
            ),
        ],
    );
}

#[test]
fn a_credential_without_one_good_source_is_refused() {
    let demo = hex("demo-token");
    let short: String = demo.chars().skip(1).collect();
    let digits = ".sha256: must be 64 hexadecimal digits, the SHA-256 of the credential's text";
    let quotes = format!("{digits}, found a number: put it in quotes");
    let variable = |message| format!(".environment_variable: {message}");
    check(
        with_credential,
        "gateways[0].credentials[0]",
        [
            (json!({"sha256": short}), digits),
            (json!({"sha256": format!("+{short}")}), digits),
            (json!({"sha256": 7}), &quotes),
            (
                json!({}),
                ": has no source: write either sha256 or environment_variable",
            ),
            (
                json!({"sha256": demo, "environment_variable": "EMPTY"}),
                ": has two sources: keep either sha256 or environment_variable",
            ),
            (
                json!({"environment_variable": "UNSET"}),
                &variable(
                    "is not set in the VM's environment: add it to vm_config.environment_variables",
                ),
            ),
            (
                json!({"environment_variable": "EMPTY"}),
                &variable("is empty in the VM's environment: give it the text of the credential"),
            ),
            (
                json!({"environment_variable": "2FAST"}),
                &variable(
                    "must be the name of an environment variable: A-Z, a-z, 0-9 and _, \
                     without a leading digit",
                ),
            ),
        ],
    );
}
