//! How the parameters of a list are read: every way to write filters, and what is refused.

use serde_json::json;

use super::list::five;
use super::{encode, filter};

#[test]
fn every_way_to_write_filters_means_the_same() {
    let console = five();
    let json = encode(
        r#"[{"key":"provider","operator":"eq","value":["openai","groq"]},{"key":"cost","operator":"lt","value":[0.5]}]"#,
    );
    let single = encode(r#"{"key":"provider","operator":"eq","value":"openai"}"#);
    for (query, found) in [
        (format!("filters={json}"), "dc"),
        (format!("filters={single}"), "da"),
        (format!("filters={single}&filters={}", encode(r#"{"key":"cost","operator":"lt","value":[0.5]}"#)), "d"),
        // As the official SDKs write them.
        ("filters.key=provider&filters.operator=eq&filters.value=openai&filters.value=groq&filters.key=cost\
          &filters.operator=lt&filters.value=0.5".to_owned(), "dc"),
        ("filters.value=openai&filters.value=groq&filters.key=provider&filters.operator=eq&filters.value=0.5\
          &filters.key=cost&filters.operator=lt".to_owned(), "dc"),
        ("filters.operator=eq&filters.key=cached&filters.value=true".to_owned(), "b"),
        ("filters.key=feedback&filters.operator=eq&filters.value=".to_owned(), "edc"),
        ("filters.key=feedback&filters.operator=eq".to_owned(), "edc"),
        ("filters%5B0%5D%5Bkey%5D=provider&filters%5B0%5D%5Boperator%5D=eq&filters%5B0%5D%5Bvalue%5D%5B%5D=openai\
          &filters[1].key=cost&filters[1].operator=lt&filters[1].value[]=0.5".to_owned(), "d"),
    ] {
        assert_eq!(console.models(&query).concat(), found, "{query}");
    }
}

#[test]
fn what_cannot_be_used_is_refused_with_7001_and_its_name() {
    let console = five();
    for (query, path) in [
        ("per_page=51".to_owned(), "per_page"),
        ("per_page=100".to_owned(), "per_page"),
        ("per_page=0".to_owned(), "per_page"),
        ("per_page=-1".to_owned(), "per_page"),
        ("per_page=x".to_owned(), "per_page"),
        ("page=0".to_owned(), "page"),
        ("page=99999999999999999999".to_owned(), "page"),
        ("page=18446744073709551615".to_owned(), "page"),
        ("order_by=nothing".to_owned(), "order_by"),
        ("order_by_direction=up".to_owned(), "order_by_direction"),
        ("direction=up".to_owned(), "direction"),
        ("meta_info=perhaps".to_owned(), "meta_info"),
        ("cached=maybe".to_owned(), "cached"),
        ("success=2".to_owned(), "success"),
        ("feedback=5".to_owned(), "feedback"),
        ("min_cost=NaN".to_owned(), "min_cost"),
        ("max_duration=inf".to_owned(), "max_duration"),
        ("min_tokens_in=x".to_owned(), "min_tokens_in"),
        ("start_date=yesterday".to_owned(), "start_date"),
        ("end_date=2026-02-30".to_owned(), "end_date"),
        (format!("search={}", "x".repeat(300)), "search"),
        ("format=xml".to_owned(), "format"),
        ("filters=x".to_owned(), "filters"),
        ("filters=[1]".to_owned(), "filters"),
        ("filters=[{}]".to_owned(), "filters"),
        (filter("nothing", "eq", &json!(["x"])), "filters"),
        (filter("model", "like", &json!(["x"])), "filters"),
        (filter("model", "eq", &json!([])), "filters"),
        (filter("model", "eq", &json!([{"a": 1}])), "filters"),
        (filter("success", "eq", &json!(["perhaps"])), "filters"),
        (filter("cost", "gt", &json!(["cheap"])), "filters"),
        (filter("created_at", "gt", &json!(["soon"])), "filters"),
        (filter("model", "eq", &json!(["x".repeat(2000)])), "filters"),
        (filter("model", "eq", &json!(vec!["x"; 101])), "filters"),
        (
            format!(
                "filters={}",
                encode(
                    &json!(vec![
                        json!({"key": "id", "operator": "neq", "value": ["x"]});
                        51
                    ])
                    .to_string()
                )
            ),
            "filters",
        ),
        ("filters.key=model".to_owned(), "filters"),
    ] {
        let answer = console.get(&format!("/gateways/gw/logs?{query}"));
        let (status, code, message) = answer.refusal();
        assert_eq!((status, code), (400, 7001), "{query} {message}");
        assert_eq!(
            answer.json()["errors"][0]["path"],
            json!(["query", path]),
            "{query}"
        );
    }
}

#[test]
fn filters_as_pythons_client_sorts_them_are_put_together_again() {
    let console = five();
    let query = "filters.key=provider&filters.key=cost&filters.operator=eq&filters.operator=lt&filters.value=openai\
        &filters.value=0.5";
    assert_eq!(console.models(query).concat(), "d");
    let query = format!("{query}&filters.value=9");
    let (status, code, message) = console.get(&format!("/gateways/gw/logs?{query}")).refusal();
    assert_eq!((status, code, message.contains("JSON")), (400, 7001, true));
}
