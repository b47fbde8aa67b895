//! Room for chains of functions.
//!
//! The engine frees a function together with what it has captured, and that by calling itself: a function that captures a
//! function that captures a function … needs the more stack the longer the chain is, and a workflow could end the process
//! (`$reduce([1..100000], function($a, $b) { function() { $a } })`; found by fuzzing). Values of other kinds are freed by
//! the engine without recursion. So an expression that can make such a chain is evaluated on a large stack of its own.

use jsonata_core::ast::{AstNode, BinaryOp};

use super::tree::for_each_child;

/// Address space for one evaluation; memory is taken only where it is used. A level takes less than 300 bytes, and within
/// the second that an evaluation may take the engine makes less than a million functions.
const STACK_BYTES: usize = 512 << 20;

/// Runs `evaluation`, on a large stack when `ast` can make chains of functions. All values of the engine must be made and
/// freed within.
pub(super) fn with_room<T>(can_chain: bool, evaluation: impl FnOnce() -> T) -> T {
    if can_chain { stacker::grow(STACK_BYTES, evaluation) } else { evaluation() }
}

/// Whether a function of the expression makes functions: only what runs often makes long chains, and what runs often is the
/// body of a function.
pub(super) fn can_chain(ast: &AstNode) -> bool {
    makes_functions(ast, false)
}

fn makes_functions(node: &AstNode, is_within_function: bool) -> bool {
    if is_within_function && is_function(node) {
        return true;
    }
    let is_within_function = is_within_function || matches!(node, AstNode::Lambda { .. });
    let mut found = false;
    for_each_child(node, &mut |child, _| found = found || makes_functions(child, is_within_function));
    found
}

/// Whether a node gives a function that captures something: a lambda, a partial application, a composition, a transformation.
fn is_function(node: &AstNode) -> bool {
    match node {
        AstNode::Lambda { thunk, .. } => !thunk, // a thunk is a tail call, and gone when it is made
        AstNode::Placeholder | AstNode::Transform { .. } => true,
        AstNode::Binary { op, .. } => *op == BinaryOp::ChainPipe,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use stepwell_value::Value;

    use super::can_chain;
    use crate::jsonata::engine::parse;
    use crate::testing::TestScope;
    use crate::{EvalError, Jsonata};

    #[track_caller]
    fn check(text: &str, expected: bool) {
        assert_eq!(can_chain(&parse(text).unwrap()), expected, "{text}");
    }

    #[test]
    fn functions_that_make_functions() {
        check("$map([1..3], function($v) { $v * 2 })", false);
        check("($f := function($n) { $n < 2 ? 1 : $f($n - 1) }; $f(9))", false);
        check("$states.input ~> $string()", false);
        check("function($a) { function() { $a } }", true);
        check("function($a) { [$substring(?, $a)] }", true);
        check("function($a) { $string ~> $a }", true);
        check("function($a) { {'k': |$|{}|} }", true);
    }

    /// On a stack of the size that the product's threads have.
    #[test]
    fn a_long_chain_does_not_end_the_process() {
        for text in [
            "$count($reduce([1..60000], function($a, $b) { function() { $a } }))",
            "($f := function($n, $g) { $n = 0 ? 1 : $f($n - 1, function() { $g }) }; $f(60000, 1))",
            "($g := function($x, $y) { 1 }; $count($reduce([1..60000], function($a, $b) { $g(?, $a) })))",
        ] {
            let evaluate = move || Jsonata::parse(text).unwrap().eval(&TestScope::new("null"));
            let outcome = std::thread::Builder::new().stack_size(2 << 20).spawn(evaluate).unwrap().join().unwrap();
            match outcome {
                Ok(value) => assert_eq!(value, Some(Value::from(1)), "{text}"),
                Err(EvalError::Jsonata { message, .. }) => assert!(message.contains("timeout"), "{text}: {message}"),
                Err(other) => panic!("{text}: {other:?}"),
            }
        }
    }
}
