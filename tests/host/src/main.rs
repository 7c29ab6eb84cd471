//! Prints what each scenario costs: fuel by callback, host calls by name. An argument picks those whose names contain it.
#![expect(
    clippy::print_stdout,
    reason = "a program for the terminal says what it found"
)]

use sluice_host::scenario::{SCENARIOS, Scenario, Setting};

fn main() {
    let word = std::env::args().nth(1).unwrap_or_default();
    for setting in Setting::ALL {
        let base = setting.world().snapshot();
        let of_setting = |it: &&Scenario| it.setting == setting;
        for scenario in SCENARIOS.iter().filter(of_setting) {
            if !scenario.name.contains(&word) {
                continue;
            }
            let mut world = scenario.warmed(&base).world();
            let replies = scenario.run(&mut world);
            let statuses: Vec<_> = replies.iter().map(|reply| reply.status()).collect();
            let ledger = world.platform().ledger.clone();
            println!("\n{}: {} {statuses:?}", scenario.name, ledger.total());
            for (name, fuel) in &ledger.fuel {
                println!("{fuel:>12}  {name}");
            }
            for (name, count) in ledger.counts() {
                println!("{count:>12}x {name}");
            }
            for why in &world.traps {
                println!("  trapped: {why}");
            }
        }
    }
}
