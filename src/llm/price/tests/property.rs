//! Any name, any usage, any glob.

use super::*;

/// The definition: a star is any split of the name.
fn slow_match(glob: &[u8], name: &[u8]) -> bool {
    match (glob, name) {
        ([], _) => name.is_empty(),
        ([b'*', rest @ ..], _) => {
            (0..=name.len()).any(|skipped| slow_match(rest, &name[skipped..]))
        }
        ([want, rest @ ..], [byte, name @ ..]) => {
            (want == byte || (*want == b'#' && byte.is_ascii_digit())) && slow_match(rest, name)
        }
        _ => false,
    }
}

proptest! {
    #[test]
    fn the_glob_matcher_agrees_with_its_definition(glob in "[ab1*#]{0,8}", name in "[ab1]{0,10}") {
        prop_assert_eq!(
            glob::matches(glob.as_bytes(), name.as_bytes()),
            slow_match(glob.as_bytes(), name.as_bytes()),
        );
    }

    #[test]
    fn a_filled_in_glob_matches(parts in prop::collection::vec(("[a-z.#*-]{0,4}", "[a-z0-9]{0,5}"), 0..5)) {
        let (mut glob, mut name) = (String::new(), String::new());
        for (literal, run) in parts {
            glob += &format!("{literal}*");
            name += &(literal.replace('*', "").replace('#', "4") + &run);
        }
        prop_assert!(glob::matches(glob.as_bytes(), name.as_bytes()), "{} {}", glob, name);
    }

    #[test]
    fn parts_larger_than_their_whole_never_cost_more_than_the_dearest_price(
        counts in prop::array::uniform12(prop::option::of(prop_oneof![0..50_u64, Just(u64::MAX)])),
        input in 0..100_u64, output in 0..100_u64,
    ) {
        let [cache_read, cache_write, cache_write_1h, cache_write_12h, reasoning, audio_input, audio_output,
            audio_cache_read, image_input, image_output, ..] = counts;
        let usage = Usage { cache_read, cache_write, cache_write_1h, cache_write_12h, reasoning, audio_input,
            audio_output, audio_cache_read, image_input, image_output, ..tokens(input, output) };
        let prices: Vec<_> = KEYS.iter().zip(5..).take(12).map(|((key, _), price)| (*key, price)).collect();
        let cost = charge::sum(&Rates::of(&prices), &usage).unwrap().0;
        prop_assert!((5 * (input + output)..=16 * (input + output)).contains(&cost), "{}", cost);
    }

    #[test]
    fn no_name_panics(model in any::<String>(), provider in "openai|aws-bedrock|google-vertex-ai|x") {
        for prefix in ["", "arn:", "models/", "publishers/", "openai/", "arn%3a%2F"] {
            let model = format!("{prefix}{model}");
            let _cost: Option<Picodollars> =
                cost(&provider, Models { answered: Some(&model), asked: Some(&model) }, &tokens(1, 1), &tier(&model), NOW);
        }
    }

    #[test]
    fn displayed_money_reads_back(amount in any::<u64>()) {
        let text = Picodollars(amount).to_string();
        let (dollars, rest) = text.split_once('.').unwrap_or((&text, ""));
        prop_assert!(!text.contains('.') || (!rest.ends_with('0') && !rest.is_empty()));
        prop_assert_eq!(format!("{dollars}{rest:0<12}").parse::<u64>().unwrap(), amount);
    }
}
