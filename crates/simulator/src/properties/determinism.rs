//! The same seed gives the same world: everything observable has the same hash.

use crate::desk::Violation;
use crate::world::Outcome;

/// The property's name.
pub const NAME: &str = "determinism";

/// Compares two runs of one seed.
///
/// # Errors
/// When they differ.
pub fn compare(one: &Outcome, two: &Outcome) -> Result<(), Violation> {
    if one.digest == two.digest {
        return Ok(());
    }
    let differs = one.lines.iter().zip(&two.lines).find(|(one, two)| one != two);
    let where_to = differs.map_or(String::new(), |(one, two)| format!(":\n{one}\n{two}"));
    Err(Violation { property: NAME, what: format!("two runs of the same seed differ{where_to}") })
}
