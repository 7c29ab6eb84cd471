//! How many log records are kept.

use super::*;

#[test]
fn the_budget_of_the_log_store_arrives_where_it_belongs() {
    let fields = json!({"log_store": {"max_bytes": 1_073_741_824, "max_records": 1_000_000, "max_age": 86_400}});
    let wanted = LogStore {
        max_bytes: 1 << 30,
        max_records: 1_000_000,
        max_age: Some(Duration::from_hours(24)),
    };
    assert_eq!(good(&with(fields)).log_store, wanted);
    let off = good(&with(json!({"log_store": {"max_bytes": 0, "max_age": 0}})));
    assert_eq!((off.log_store.max_bytes, off.log_store.max_age), (0, None));
    let log = good(&with(json!({"log": {"line": false}}))).log;
    assert!(!log.line);
}

#[test]
fn the_log_management_of_a_gateway_arrives_where_it_belongs() {
    let management = |fields| {
        let config = good(&with_gateway(fields));
        let management = config.gateway("a", "my-gateway").unwrap().log_management;
        management.map(|it| (it.limit.get(), it.strategy))
    };
    let stops = json!({"log_management": 10_000_000, "log_management_strategy": "STOP_INSERTING"});
    assert_eq!(
        management(stops),
        Some((10_000_000, LogStrategy::StopInserting))
    );
    assert_eq!(
        management(json!({"log_management": 1})),
        Some((1, LogStrategy::DeleteOldest))
    );
    let pasted = json!({"log_management": 0, "log_management_strategy": "DELETE_OLDEST"});
    assert_eq!(management(pasted), None);
}

#[test]
fn bad_numbers_of_records_are_refused() {
    let root = |fields: Value| faults(with(fields).to_string().as_bytes());
    let gateway = |fields: Value| faults(with_gateway(fields).to_string().as_bytes());
    assert_eq!(
        root(
            json!({"log_store": {"max_bytes": 1_073_741_825, "max_records": 0, "max_age": -1, "days": 3}})
        ),
        [
            "log_store.max_bytes: 1073741825 is above the maximum of 1073741824 bytes",
            "log_store.max_records: 0 is below the minimum of 1 record",
            "log_store.max_age: -1 is below the minimum of 1 second",
            "log_store.days: is unknown: remove it, or write one of max_bytes, max_records, max_age",
        ]
    );
    assert_eq!(
        gateway(json!({"log_management": 10_000_001, "log_management_strategy": "stop"})),
        [
            "gateways[0].log_management: 10000001 is above the maximum of 10000000 records",
            "gateways[0].log_management_strategy: must be one of DELETE_OLDEST, STOP_INSERTING, found \"stop\"",
        ]
    );
}
