//! The command line: which seeds, with which options.

use crate::options::Options;
use crate::plant::Plant;

/// How the simulator is called.
pub const USAGE: &str = "\
stepwell-simulator [--seed N | --seeds A..B] [--hours H] [--set OPTION=VALUE]… [--plant BUG] [--shrink] [-v]
  --seed N       runs one seed
  --seeds A..B   runs the seeds from A to B (exclusive); 0..300 unless told
  --hours H      begins no further seed after so many hours
  --set O=V      sets an option instead of drawing it from the seed
  --plant BUG    plants a bug, to see that it is found
  --shrink       makes the world of a failing seed as small as it can be
  -v             prints everything that is seen
";

/// What the command line asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Arguments {
    /// The seeds: from, to (exclusive).
    pub seeds: (u64, u64),
    /// Hours after which no further seed is begun.
    pub hours: Option<f64>,
    /// Options that are set.
    pub set: Vec<(String, f64)>,
    /// The bug to plant.
    pub plant: Option<Plant>,
    /// Whether to shrink.
    pub shrink: bool,
    /// Whether to print everything that is seen.
    pub verbose: bool,
}

impl Arguments {
    /// Reads the arguments.
    ///
    /// # Errors
    /// What is wrong, for people.
    pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Arguments, String> {
        let (seeds, hours, set, plant) = ((0, 300), None, Vec::new(), None);
        let mut parsed = Arguments { seeds, hours, set, plant, shrink: false, verbose: false };
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("`{argument}` needs a value"));
            match argument.as_str() {
                "--seed" => {
                    let seed = number(&value()?)?;
                    parsed.seeds = (seed, seed.saturating_add(1));
                }
                "--seeds" => {
                    let range = value()?;
                    let (from, to) = range.split_once("..").ok_or("`--seeds` takes a range: `0..300`")?;
                    parsed.seeds = (number(from)?, number(to)?);
                }
                "--hours" => parsed.hours = Some(hours_of(&value()?)?),
                "--set" => parsed.set.push(setting(&value()?)?),
                "--plant" => {
                    let name = value()?;
                    parsed.plant = Some(Plant::named(&name).ok_or_else(|| unknown_plant(&name))?);
                }
                "--shrink" => parsed.shrink = true,
                "-v" => parsed.verbose = true,
                other => return Err(format!("`{other}` is no option\n{USAGE}")),
            }
        }
        Ok(parsed)
    }

    /// The options of a seed: drawn, then set.
    pub fn options(&self, seed: u64) -> Options {
        let mut options = Options::draw(seed);
        for (name, value) in &self.set {
            options.set(name, *value);
        }
        options
    }
}

fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("`{text}` is no number"))
}

fn hours_of(text: &str) -> Result<f64, String> {
    let hours = text.parse().ok().filter(|hours: &f64| hours.is_finite() && *hours > 0.0);
    hours.ok_or_else(|| format!("`{text}` is no number of hours"))
}

fn setting(text: &str) -> Result<(String, f64), String> {
    let (name, value) = text.split_once('=').ok_or("`--set` takes `OPTION=VALUE`")?;
    if !Options::NAMES.contains(&name) {
        return Err(format!("`{name}` is no option of a world; there are {}", Options::NAMES.join(", ")));
    }
    let value = value.parse().map_err(|_| format!("`{value}` is no number"))?;
    Ok((name.to_owned(), value))
}

fn unknown_plant(name: &str) -> String {
    let known: Vec<&str> = Plant::ALL.iter().map(|plant| plant.name()).collect();
    format!("`{name}` is no planted bug; there are {}", known.join(", "))
}

/// The one command that runs this world again.
pub fn replay(seed: u64, options: &Options, plant: Option<Plant>) -> String {
    let set = options.arguments_from(&Options::draw(seed));
    let plant = plant.map(|plant| format!(" --plant {}", plant.name())).unwrap_or_default();
    format!("cargo run -p stepwell-simulator -- --seed {seed}{set}{plant}")
}

#[cfg(test)]
mod tests {
    use super::{Arguments, replay};
    use crate::options::Options;

    #[track_caller]
    fn check(arguments: &str, expected: Result<(u64, u64), &str>) {
        let parsed = Arguments::parse(arguments.split_whitespace().map(str::to_owned));
        match (parsed, expected) {
            (Ok(parsed), Ok(seeds)) => assert_eq!(parsed.seeds, seeds),
            (Err(error), Err(part)) => assert!(error.contains(part), "{error}"),
            (parsed, expected) => panic!("{parsed:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn arguments() {
        check("", Ok((0, 300)));
        check("--seed 7 --shrink -v", Ok((7, 8)));
        check("--seeds 5..9 --set crash=0.5 --plant NoSync", Ok((5, 9)));
        check("--seeds 5..9 --hours 0.5", Ok((5, 9)));
        check("--hours 0", Err("`0` is no number of hours"));
        check("--seed", Err("needs a value"));
        check("--seed x", Err("`x` is no number"));
        check("--set crush=1", Err("`crush` is no option of a world"));
        check("--plant Nothing", Err("there are ForgottenWrite"));
        check("--sed 1", Err("`--sed` is no option"));
    }

    #[test]
    fn a_replayed_world_has_the_same_options() {
        let mut options = Options::draw(3);
        options.set("starts", 1.0);
        let command = replay(3, &options, None);
        let arguments = command.split_once(" -- ").map(|(_, after)| after).unwrap_or_default();
        let parsed = Arguments::parse(arguments.split_whitespace().map(str::to_owned)).unwrap();
        assert_eq!(parsed.options(3), options);
    }
}
