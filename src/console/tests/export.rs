//! Exports: NDJSON and CSV.

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
    assert_eq!(answer.header("x-sluice-truncated"), "false");
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

#[test]
fn an_export_is_bounded_and_says_so() {
    let console = Console::new();
    let long = "x".repeat(200_000);
    let changes: Vec<_> = (0..100)
        .map(|n| json!({"path": long, "model": format!("{n}")}))
        .collect();
    console.store(&changes);
    for format in ["ndjson", "csv"] {
        let answer = export(&console, &format!("format={format}"));
        assert_eq!(answer.header("x-sluice-truncated"), "true");
        assert!(answer.body.len() <= 8 << 20 && answer.body.len() > 7 << 20);
        assert!(answer.text().ends_with('\n'));
    }
}
