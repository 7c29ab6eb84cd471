//! What log records must not tell.

use super::*;

#[test]
fn patterns_and_hashes_are_read() {
    let config = good(&full());
    let privacy = config
        .gateway("0123", "my-gateway")
        .unwrap()
        .privacy
        .clone();
    let privacy = privacy.unwrap();
    let tokens = vec![Token::Digit, Token::Any, Token::Literal('.'), Token::Run];
    let word = Pattern::Word("ACME-".to_owned(), tokens);
    assert_eq!(privacy.redact, [Pattern::Email, Pattern::Card, word]);
    assert_eq!(privacy.hash_metadata, Hashed::All);
    assert!(privacy.salt.is_some() && !format!("{privacy:?}").contains("app-secret"));
    assert_eq!(config.gateway("any", "limited").unwrap().privacy, None);
}

#[test]
fn what_would_be_found_everywhere_or_needs_going_back_is_refused() {
    let long = "x".repeat(65);
    for pattern in [
        "", "AC", "##ACME", "*", "ACME*b", "ACME-**", "ACME-*#", &long,
    ] {
        let fields = json!({"log_privacy": {"redact": ["email", pattern]}});
        let faults = faults(with_gateway(fields).to_string().as_bytes());
        let [fault] = faults.as_slice() else {
            panic!("{faults:?}")
        };
        let start = "gateways[0].log_privacy.redact[1]: must be email, card, or text that begins";
        assert!(fault.starts_with(start), "{fault}");
    }
    let salt =
        json!({"log_privacy": {"hash_metadata": [""], "salt_environment_variable": "EMPTY"}});
    let faults = faults(with_gateway(salt).to_string().as_bytes());
    assert_eq!(faults.len(), 2, "{faults:?}");
}
