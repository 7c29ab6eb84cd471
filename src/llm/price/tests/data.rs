//! The table holds what the data says.

use super::*;

#[test]
fn money_is_written_exactly_and_as_short_as_possible() {
    for (amount, text) in [
        (0, "0"),
        (1, "0.000000000001"),
        (1_230_000_000, "0.00123"),
        (100_000_000_000, "0.1"),
        (1_000_000_000_000, "1"),
        (12_000_000_000_010, "12.00000000001"),
        (u64::MAX, "18446744.073709551615"),
    ] {
        assert_eq!(Picodollars(amount).to_string(), text);
    }
}

#[test]
fn every_row_finds_itself_with_its_base_prices() {
    let mut rows = 0;
    for (slug, list) in PROVIDERS.iter() {
        for row in &list.rows {
            let id = &row.names[0];
            let found = find(slug, id).unwrap_or_else(|| panic!("{slug} {id} not found"));
            assert_eq!(found, row.prices.own, "{slug} {id}");
            rows += 1;
        }
    }
    assert!(rows > 1_800, "{rows}");
}

#[test]
fn every_price_reads_back_as_the_data_states_it() {
    let data: serde_json::Value = serde_json::from_str(JSON).unwrap();
    let mut prices = 0;
    let rows = PROVIDERS.keys().flat_map(|slug| {
        let rows = data["providers"][slug]["models"].as_array().unwrap();
        rows.iter().map(move |row| (slug, row))
    });
    let embedded = Prices::default();
    for (slug, row) in rows {
        let set = embedded.find(slug, row["id"].as_str().unwrap()).unwrap();
        let rates = Rates::choose(set, 0, &Terms::default(), 0).unwrap();
        for (key, name) in KEYS {
            let (price, stated) = (rates.price(key), row[name].as_f64());
            let price = price.map(|price| f64::from(u32::try_from(price).unwrap()) / 1e6);
            // Zero may mean free or unknown; other tests tell the two apart.
            assert_eq!(
                price.unwrap_or(0.0),
                stated.unwrap_or(0.0),
                "{slug} {} {name}",
                row["id"]
            );
            prices += usize::from(price.is_some());
        }
    }
    assert!(prices > 4_000, "{prices}");
}

/// Tries every name of every row in turn, as the data's own description has it.
fn slow_find<'d>(list: &'d List, name: &[u8]) -> Option<&'d Row> {
    let weight = |byte| match byte {
        b'*' => 0,
        b'#' => 1,
        _ => 2,
    };
    let score = |glob: &str| {
        let exact = if glob.contains(['*', '#']) { 0 } else { 10_000 };
        exact + glob.bytes().map(weight).sum::<u32>()
    };
    let mut best = None;
    for row in &list.rows {
        if row
            .nots
            .iter()
            .any(|not| glob::matches(not.as_bytes(), name))
        {
            continue;
        }
        for glob in row
            .names
            .iter()
            .filter(|glob| glob::matches(glob.as_bytes(), name))
        {
            if best.is_none_or(|(high, _)| score(glob) > high) {
                best = Some((score(glob), row));
            }
        }
    }
    best.map(|(_, row)| row)
}

#[test]
fn the_table_finds_the_row_that_a_slow_search_finds() {
    let found = |slug: &String, model: String| {
        let Some(name) = Name::new(slug, &model) else {
            return false;
        };
        let provider = &PROVIDERS[slug];
        let row = [slug]
            .into_iter()
            .chain(&provider.fallback)
            .find_map(|list| {
                name.spellings()
                    .find_map(|spelling| slow_find(&PROVIDERS[list], spelling))
            });
        let own = row.map(|row| row.prices.own.clone());
        assert_eq!(find(slug, &model), own, "{slug} {model}");
        row.is_some()
    };
    let models = PROVIDERS.iter().flat_map(|(slug, list)| {
        let names = list.rows.iter().flat_map(|row| &row.names);
        names.map(move |pattern| (slug, pattern))
    });
    let mut count = 0;
    for (slug, pattern) in models {
        let literal = pattern.replace('#', "7");
        count += usize::from(found(slug, literal.replace('*', "-x9")));
        for end in ["", "-20260102", "@20260102", "-2026-01-02", "-tts"] {
            count += usize::from(found(slug, literal.replace('*', "") + end));
        }
    }
    assert!(count > 10_000, "{count}");
}

#[test]
fn the_table_is_small() {
    let bytes: usize = EMBEDDED.sections().iter().map(|part| part.len()).sum();
    assert!((50_000..130_000).contains(&bytes), "{bytes} bytes");
}

#[test]
fn the_same_data_gives_the_same_bytes() {
    let [one, two] = [(); 2].map(|()| encoder::encode(&source::read(JSON).unwrap()).unwrap());
    assert!(one == two);
    assert!(Table::from(&one).sections() == EMBEDDED.sections());
}

#[test]
fn data_that_the_table_cannot_hold_does_not_build() {
    let build = |row: &str| {
        let json = format!(r#"{{"providers":{{"p":{{"models":[{{"id":"m",{row}}}]}}}}}}"#);
        source::read(&json).err().unwrap_or_default()
    };
    assert_eq!(build(r#""input":1.5,"context":9,"text_message_1k":4"#), "");
    assert_eq!(build(r#""inptu":1"#), "p: m: unknown key inptu");
    assert_eq!(build(r#""input":"1""#), r#"p: m: input: no price: "1""#);
    assert_eq!(build(r#""input":0.0000001"#), "p: m: input: no price: 1e-7");
    assert_eq!(build(r#""input":4295"#), "p: m: input: no price: 4295");
    assert_eq!(build(r#""input":-1"#), "p: m: input: no price: -1");
    assert_eq!(
        build(r#""variants":{"moon=full":{"input":1}}"#),
        "p: m: unknown variant moon=full"
    );
    assert_eq!(
        build(r#""later":[{"from":"2026-13-01"}]"#),
        "p: m: a later price without a date in `from`"
    );
    assert_eq!(
        build(r#""hours":[{"utc":["1","2"]}]"#),
        "p: m: an hourly price without two times of day in `utc`"
    );
    assert_eq!(
        build(r#""tiers":[{"input":1}]"#),
        "p: m: a tier without `over`"
    );
}
