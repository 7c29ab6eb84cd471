//! Exports: NDJSON and CSV.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Console, filter};

fn export(console: &Console, query: &str) -> super::Answer {
    let answer = console.get(&format!("/gateways/gw/logs?{query}"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer
}

/// The cells of CSV text (RFC 4180), with lines of any number of cells.
fn cells(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
    let (mut quoted, mut chars) = (false, text.chars().peekable());
    while let Some(next) = chars.next() {
        match next {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                cell.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut cell)),
            '\r' if !quoted => {}
            '\n' if !quoted => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            other => cell.push(other),
        }
    }
    rows
}

#[test]
fn an_export_has_every_match_whatever_the_page() {
    let console = Console::new();
    let changes: Vec<_> = (0..120)
        .map(|n| json!({"model": format!("{n:03}"), "success": n % 2 == 0}))
        .collect();
    console.store(&changes);
    console.store(&[json!({"model": "no", "gateway_id": "other"})]);
    let answer = export(
        &console,
        &format!(
            "format=ndjson&page=2&per_page=10&{}",
            filter("success", "eq", &json!([true]))
        ),
    );
    assert_eq!(answer.header("content-type"), "application/x-ndjson");
    assert_eq!(
        answer.header("content-disposition"),
        "attachment; filename=\"logs.ndjson\""
    );
    assert!(
        !answer
            .headers
            .iter()
            .any(|(name, _)| name == "x-sluice-next")
    );
    let text = answer.text();
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        (lines.len(), &lines[0]["model"], &lines[59]["model"]),
        (60, &json!("118"), &json!("000"))
    );
    let oldest = export(&console, "format=ndjson&order_by_direction=asc").text();
    assert!(
        oldest.starts_with(r#"{"account_id""#)
            && oldest.lines().next().unwrap().contains(r#""model":"000""#)
    );
}

#[test]
fn a_csv_has_a_column_for_each_field_and_a_line_for_each_record() {
    let console = Console::new();
    console.store(&[json!({"model": "a, \"b\"\nc", "cost": 0.000_035, "metadata": {"team": "x"}, "feedback": -1})]);
    let answer = export(&console, "format=csv");
    assert_eq!(
        answer.header("content-type"),
        "text/csv; charset=utf-8; header=present"
    );
    let rows = cells(&answer.text());
    let cell = |name: &str| {
        let column = rows[0].iter().position(|column| column == name).unwrap();
        rows[1][column].clone()
    };
    assert_eq!((rows.len(), rows[1].len()), (2, rows[0].len()));
    for (column, value) in [
        ("model", "a, \"b\"\nc"),
        ("cost", "0.000035"),
        ("metadata", r#"{"team":"x"}"#),
        ("feedback", "-1"),
        ("timings.latency", "300"),
        ("success", "true"),
        ("saved_cost", ""),
        ("finish_reason", ""),
    ] {
        assert_eq!(
            cell(column).replace("3.5e-5", "0.000035"),
            value,
            "{column}"
        );
    }
}

#[test]
fn no_cell_is_a_formula() {
    let hostile = [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "  =1",
        "＝1",
        "＋1",
        "－1",
        "＠x",
        "=cmd|'/c calc'!A0",
        "\",=1",
    ];
    let console = Console::new();
    let changes: Vec<_> = hostile
        .iter()
        .map(|text| json!({"model": text, "user_agent": text, "path": text, "provider": text}))
        .collect();
    console.store(&changes);
    let rows = cells(&export(&console, "format=csv&order_by_direction=asc").text());
    assert_eq!(rows.len(), hostile.len() + 1);
    for (row, text) in rows[1..].iter().zip(hostile) {
        assert_eq!(row.len(), rows[0].len(), "{text}");
        for cell in row {
            let first = cell.trim_start_matches(' ').chars().next();
            assert!(
                !first.is_some_and(|first| "=+@\t\r\n＝＋－＠".contains(first)),
                "{cell:?}"
            );
            assert!(
                !cell.trim_start().starts_with('-') || cell.parse::<f64>().is_ok(),
                "{cell:?}"
            );
        }
    }
}

/// The ids in NDJSON.
fn listed(text: &str) -> BTreeSet<String> {
    let id = |line: &str| {
        let record: Value = serde_json::from_str(line).unwrap();
        record["id"].as_str().unwrap().to_owned()
    };
    text.lines().map(id).collect()
}

/// As a client does it: answer by answer.
fn whole(console: &Console, query: &str) -> (String, usize) {
    let (mut text, mut answers, mut cursor) = (String::new(), 0, String::new());
    loop {
        let answer = export(console, &format!("{query}{cursor}"));
        assert!(answer.body.len() < 3 << 19, "{} bytes", answer.body.len());
        text += &answer.text();
        answers += 1;
        let next = answer
            .headers
            .iter()
            .find(|(name, _)| name == "x-sluice-next");
        let Some((_, next)) = next else {
            return (text, answers);
        };
        cursor = format!("&cursor={next}");
    }
}

#[test]
fn a_long_export_comes_in_several_answers_which_have_each_record_once() {
    let console = Console::new();
    let path = format!("/{}", "x".repeat(1000));
    let model = |n| json!({"path": path, "model": format!("{n:05}")});
    console.store(&(0..4000).map(model).collect::<Vec<_>>());
    for (direction, first) in [("asc", "00000"), ("desc", "03999")] {
        let order = format!("&order_by_direction={direction}");
        let (text, answers) = whole(&console, &format!("format=ndjson{order}"));
        assert!(answers >= 4, "{answers} answers");
        let model = |line: &str| {
            let record: Value = serde_json::from_str(line).unwrap();
            record["model"].as_str().unwrap().to_owned()
        };
        let mut models: Vec<_> = text.lines().map(model).collect();
        assert_eq!(models[0], first);
        assert!(models.is_sorted_by(|one, two| (one < two) == (direction == "asc")));
        models.dedup();
        assert_eq!(models.len(), 4000);
        let (text, answers) = whole(&console, &format!("format=csv{order}"));
        assert!(answers >= 4, "{answers} answers");
        let rows = cells(&text);
        let column = rows[0].iter().position(|name| name == "model").unwrap();
        let found: Vec<_> = rows[1..].iter().map(|row| row[column].as_str()).collect();
        assert_eq!(found, models);
    }
}

#[test]
fn what_comes_or_goes_between_two_answers_neither_doubles_nor_hides_a_record() {
    let console = Console::new();
    let path = format!("/{}", "x".repeat(1000));
    let made = |n: u32| json!({"path": path, "model": format!("{n:05}")});
    let ids = console.store(&(0..2000).map(made).collect::<Vec<_>>());
    let first = export(&console, "format=ndjson");
    let next = first.header("x-sluice-next").to_owned();
    console.store(&[json!({"model": "later"})]);
    let shown = listed(&first.text());
    let (seen, unseen): (Vec<_>, Vec<_>) = ids.iter().partition(|id| shown.contains(*id));
    let gone = [seen[seen.len() - 1], seen[0], unseen[0]];
    for id in gone {
        let path = format!("/gateways/gw/logs?{}", filter("id", "eq", &json!([id])));
        assert_eq!(console.delete(&path).result(), json!({"deleted": 1}));
    }
    let (rest, _) = whole(&console, &format!("format=ndjson&cursor={next}"));
    let left: Vec<_> = unseen[1..].iter().map(|id| (*id).clone()).collect();
    assert_eq!(rest.lines().count(), left.len());
    assert_eq!(listed(&rest), left.into_iter().collect());
}

#[test]
fn a_cursor_that_nobody_gave_is_refused_and_an_old_one_finds_what_is_left() {
    let console = Console::new();
    console.store(&[json!({})]);
    for cursor in ["x", "-1", "1.5"] {
        let answer = console.get(&format!("/gateways/gw/logs?format=csv&cursor={cursor}"));
        assert_eq!(answer.refusal().0, 400, "{cursor}");
    }
    let answer = export(&console, "format=ndjson&cursor=99&order_by_direction=asc");
    assert_eq!(answer.text(), "");
    let answer = export(&console, "format=ndjson&cursor=99");
    assert_eq!(answer.text().lines().count(), 1);
}
