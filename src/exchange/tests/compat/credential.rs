//! Which fields of the client go on.

use super::*;

#[test]
fn keys_of_other_providers_and_digests_of_the_old_body_stay_behind() {
    let mut call = Proxy::new().stream();
    let fields = [
        ("authorization", "Bearer sk-openai"),
        ("x-api-key", "sk-ant-other"),
        ("x-goog-api-key", "other"),
        ("content-digest", "sha-256=:AAAA:"),
    ];
    call.ask(CHAT, &fields, HI);
    let edits = call.upstream.as_ref().unwrap();
    for name in ["x-api-key", "x-goog-api-key", "content-digest"] {
        assert!(edits.contains(&Edit::Remove(name.to_owned())), "{name}");
    }
    assert!(!edits.contains(&Edit::Remove("authorization".to_owned())));
    // Where it is the only one that is not for the gateway, it is the provider's.
    let mut call = Proxy::new().stream();
    call.ask(CHAT, &[("x-api-key", "sk-ant-own")], HI);
    let edits = call.upstream.as_ref().unwrap();
    assert!(!edits.contains(&Edit::Remove("x-api-key".to_owned())));
    let mut call = Proxy::new().stream();
    let fields = [
        ("authorization", "Bearer demo-token"),
        ("x-api-key", "sk-ant-own"),
    ];
    call.ask(&CHAT.replace("my-gateway", "locked"), &fields, HI);
    let edits = call.upstream.as_ref().unwrap();
    assert!(edits.contains(&Edit::Remove("authorization".to_owned())));
    assert!(!edits.contains(&Edit::Remove("x-api-key".to_owned())));
}
