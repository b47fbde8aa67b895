use stepwell_value::Value;

use super::Plain;
use crate::jsonata::engine;
use crate::jsonata::limits::Limits;
use crate::jsonata::names::Names;
use crate::testing::TestScope;

/// What a plain evaluation gives over this input: JSON, `undefined`, `gave up`, or `engine` when the expression is none.
fn outcome(text: &str) -> String {
    let scope = TestScope::new(
        r#"{"n": 5, "price": 1.50, "s": "abc", "é": "é", "one": [1], "none": [], "nested": [[1], [2, 3]], "t": true, "nil": null,
            "items": [{"sku": "a", "qty": 4, "price": 2.5}, {"sku": "b", "qty": 1, "price": 1}, {"sku": "a", "qty": 2, "tags": ["x"]}]}"#,
    );
    let ast = engine::parse(text).unwrap();
    let Some(plain) = Plain::of(&ast, &Names::of(&ast), true) else { return "engine".to_owned() };
    match plain.eval(&scope, None, &Limits::DEFAULT) {
        Err(_) => "gave up".to_owned(),
        Ok(None) => "undefined".to_owned(),
        Ok(Some(value)) => value.to_json(),
    }
}

#[track_caller]
fn check(rows: &[(&str, &str)]) {
    for (text, expected) in rows {
        let text = text.replace('@', "$states.input");
        assert_eq!(outcome(&text), *expected, "{text}");
    }
}

#[test]
fn paths_and_filters() {
    check(&[
        ("@.n", "5"),
        ("@.price", "1.50"),
        ("@.missing.x", "undefined"),
        ("@.one", "[1]"),
        ("@.none", "[]"),
        ("@.none.x", "undefined"),
        ("@.nested", "[[1],[2,3]]"),
        ("@.items.sku", r#"["a","b","a"]"#),
        ("@.items.tags", r#"["x"]"#),
        ("@.items[0].sku", r#""a""#),
        ("@.items[-1].qty", "2"),
        ("@.items[qty > 1].sku", r#"["a","a"]"#),
        ("@.items[price = 1]", r#"{"sku":"b","qty":1,"price":1}"#),
        ("@.items[[0, 2]].qty", "[4,2]"),
        ("@.items.(price * qty)", "[10,1]"),
        ("@.items.{'k': sku}[0]", r#"[{"k":"a"},{"k":"b"},{"k":"a"}]"#),
        ("@.nested[0]", "[1]"),
        ("@.nested[$count($) > 1]", "gave up"),
    ]);
}

#[test]
fn operators_and_constructors() {
    check(&[
        ("@.n + 1 > 5 and @.s = 'abc'", "true"),
        ("@.n % 2 & '/' & @.t & @.missing & @.nil", r#""1/truenull""#),
        ("-@.n", "-5"),
        ("@.n / 0", "gave up"),
        ("@.n + 'x'", "gave up"),
        ("@.n < 'x'", "gave up"),
        ("@.missing < 1", "undefined"),
        ("@.missing = @.missing", "false"),
        ("@.items = @.items", "gave up"),
        ("@.é < 'z'", "gave up"),
        ("2 in @.one", "false"),
        ("@.t ? 'y' : 'n'", r#""y""#),
        ("@.none ? 'y'", "undefined"),
        ("[1, @.one, [2], @.missing]", "[1,1,[2]]"),
        ("[1..3]", "[1,2,3]"),
        ("[1..999999]", "gave up"),
        ("{'a': @.n, 'b': @.missing, @.s: 1}", r#"{"a":5,"abc":1}"#),
        ("{'a': 1, 'a': 2}", "gave up"),
        ("@.items{sku: $sum(qty)}", r#"{"a":6,"b":1}"#),
        ("($x := @.n; $y := $x + 1; [$x, $y])", "[5,6]"),
        ("0.1 + 0.2", "0.30000000000000004"),
        ("'' & (0.1 + 0.2)", "gave up"),
    ]);
}

#[test]
fn functions() {
    check(&[
        ("$sum(@.items.qty)", "7"),
        ("$count(@.missing)", "0"),
        ("$max(@.none)", "undefined"),
        ("$sum(@.s)", "gave up"),
        ("$merge([@.items[0], {'sku': 'z'}])", r#"{"sku":"z","qty":4,"price":2.5}"#),
        ("$map(@.items, function($v, $i) { $v.sku & $i })", r#"["a0","b1","a2"]"#),
        ("$filter(@.items, function($v) { $v.qty = 1 }).sku", r#""b""#),
        ("$sort(@.items.qty)", "[1,2,4]"),
        ("$sort(@.items, function($a, $b) { $a.qty > $b.qty }).sku", r#"["b","a","a"]"#),
        ("$append(@.one, 2)", "[1,2]"),
        ("$join(@.items.sku, '-')", r#""a-b-a""#),
        ("$split('a,b', ',')", r#"["a","b"]"#),
        ("$substring(@.s, 1, 5)", r#""bc""#),
        ("$keys(@.items[0])", r#"["sku","qty","price"]"#),
        ("$string(@.n)", r#""5""#),
        ("$uppercase(@.é)", "gave up"),
        ("$length(@.é)", "1"),
        ("$exists(@.nil)", "true"),
        ("$not(@.none)", "true"),
        ("$type(@.nil)", r#""null""#),
    ]);
}

#[test]
fn what_the_engine_does() {
    check(&[
        ("$states", "engine"),
        ("@.items.*", "engine"),
        ("@.items^(qty)", "engine"),
        ("@.items#$i.sku", "engine"),
        ("@.one[]", "engine"),
        ("@.items.[sku]", "engine"),
        ("$map(@.one, $string)[0]", "engine"),
        ("$now()", "engine"),
        ("$reduce(@.one, function($a, $b) { $a })", "engine"),
        ("($f := function($x) { $x }; $f(1))", "engine"),
        ("@.s ~> $uppercase()", "engine"),
    ]);
}

/// A result that is small in memory and huge as text, and work without end.
#[test]
fn too_much_is_given_up() {
    let doubled: String = (0..40).map(|turn| format!("$x{} := [$x{turn}, $x{turn}]; ", turn + 1)).collect();
    check(&[
        (&format!("($x0 := [[1], [1]]; {doubled}[$x40])"), "gave up"),
        ("$map([1..1000], function($a) { $count($map([1..1000], function($b) { $b })) })", "gave up"),
    ]);
    assert!(Value::parse(&outcome("$map([1..1000], function($a) { $a })")).is_ok());
}
