//! JSONata as Step Functions applies it: what is refused, what is read, what comes out, what an error says.

#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "a test may fail and may talk")]

use stepwell_query::jsonata::{Jsonata, Limits, thrown};
use stepwell_query::{EvalError, Scope};
use stepwell_value::{Timestamp, Value};

struct World {
    input: Value,
    context: Value,
    result: Option<Value>,
    error_output: Option<Value>,
    variables: Value,
}

impl Scope for World {
    fn input(&self) -> &Value {
        &self.input
    }
    fn context(&self) -> &Value {
        &self.context
    }
    fn variable(&self, name: &str) -> Option<&Value> {
        self.variables.get(name)
    }
    fn result(&self) -> Option<&Value> {
        self.result.as_ref()
    }
    fn error_output(&self) -> Option<&Value> {
        self.error_output.as_ref()
    }
    fn random(&self) -> u64 {
        7
    }
    fn now(&self) -> Timestamp {
        Timestamp(1_795_214_786_123)
    }
}

fn value(json: &str) -> Value {
    Value::parse(json).expect("test data is JSON")
}

fn world() -> World {
    World {
        input: value(
            r#"{"n": 5, "one": [1], "none": [], "money": 1.50, "big": 9007199254740993, "null": null, "s": "abc",
                "items": [{"sku": "a", "price": 2.5, "qty": 4}, {"sku": "b", "price": 1, "qty": 1}, {"sku": "c", "qty": 2}],
                "nested": {"list": [{"x": 1}, {"x": [2, 3]}, {"y": 0}]}}"#,
        ),
        context: value(r#"{"Execution": {"Name": "e1"}}"#),
        result: None,
        error_output: None,
        variables: value(r#"{"name": "Ada", "list": [3, 1, 2], "type": 41, "obj": {"k": [1]}, "nil": null}"#),
    }
}

/// What an evaluation gives, in words: JSON, `undefined`, `unsupported`, or `CODE: message`.
fn outcome(text: &str) -> String {
    match Jsonata::parse(text).map(|expression| expression.eval(&world())) {
        Err(error) => format!("refused {}: {}", error.code, error.message),
        Ok(Ok(Some(value))) => value.to_json(),
        Ok(Ok(None)) => "undefined".to_owned(),
        Ok(Err(EvalError::UnsupportedResult { .. })) => "unsupported".to_owned(),
        Ok(Err(EvalError::Jsonata { code, message, .. })) => thrown(&code, &message),
        Ok(Err(other)) => format!("{other:?}"),
    }
}

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(outcome(text), expected, "{text}");
}

#[test]
fn paths_into_state_data() {
    check("$states.input.n", "5");
    check("$states.input.one", "[1]");
    check("$states.input.none", "[]");
    check("$states.input.`null`", "null");
    check("$states.input.`null`.x", "undefined");
    check("$states.input.missing", "undefined");
    check("$states.input.items.sku", r#"["a","b","c"]"#);
    check("$states.input.items[price > 2].sku", r#""a""#);
    check("$states.input.items.(price * qty)", "[10,1]");
    check("$sum($states.input.items.(price * qty))", "11");
    check("$states.input.items[2].price", "undefined");
    check("$states.input.nested.list.x", "[1,2,3]");
    check("$states.input.nested.list.x.%.x", "[1,2,3,2,3]");
    check("$states.input.items@$i#$k.{'k': $k, 's': $i.sku}", r#"[{"k":0,"s":"a"},{"k":1,"s":"b"},{"k":2,"s":"c"}]"#);
    check("$states.input.items{sku: price}", r#"{"a":2.5,"b":1}"#);
    check("$lookup($states, 'input').n", "5");
    check("$states.(input.n)", "5");
    check("$states.context.Execution.Name", r#""e1""#);
    check("$states.result", "undefined");
    check("$states.errorOutput.x", "undefined");
    check("$keys($states)", r#"["input","context"]"#);
}

/// As jsonata 2.0.6 has it; found by the fuzz target.
#[test]
fn the_context_has_no_other_name() {
    check("$map([1, 2], function($) { $ })", "undefined");
    check("[7].$map([1, 2], function($) { $ })", "[7,7]");
    check("$map([1, 2], function($, $i) { $i })", "[0,1]");
    check("[7].(function($) { $ })(8)", "7");
    check("[7].($ := 5; $)", "7");
}

#[test]
fn clones() {
    check("$clone($states.input.one)", "[1]");
    check("$clone({'a': 1}).a", "1");
    check("$clone($states.input.missing)", "undefined");
    check("$clone(1)", ". T0410: Argument 1 of function \"clone\" does not match function signature");
}

#[test]
fn values_pass_through_as_written() {
    check("$states.input.money", "1.50");
    check("$states.input.money + 0", "1.5");
    check("$states.input.big", "9007199254740993");
    check("$states.input.big + 0", "9007199254740992");
}

#[test]
fn workflow_variables() {
    check("$name & '!'", r#""Ada!""#);
    check("$list[0]", "3");
    check("$list^($)", "[1,2,3]");
    check("$obj.k", "[1]");
    check("$nil", "null");
    check("$doesNotExist", "undefined"); // recorded: test_undefined_reference
    check("$type + 1", "42"); // a variable hides the function of its name
    check("$type($list)", ". T1006: Attempted to invoke a non-function");
    check("$variable := 1", "1"); // recorded: test_base_map
    check("( $name := 'Bob'; $name )", r#""Bob""#);
}

#[test]
fn results() {
    check("null", "null");
    check("[1,'two',3]", r#"[1,"two",3]"#);
    check("{'foo':'bar'}", r#"{"foo":"bar"}"#);
    check("{'a': $nope, 'b': 1}", r#"{"b":1}"#);
    check("$fn := function($x){$x}", "unsupported"); // recorded: test_map_state_items_eval_jsonata_fail
    check("$sum", "unsupported");
    check("/a/", "unsupported");
    check("{'a': $sum}", "unsupported");
    check("1/0", r#""Infinity""#); // as AWS answers
    check("[1/0, -1/0]", r#"["Infinity","-Infinity"]"#);
    check(r"$contains('hello$world', /^hello\$/)", "true"); // recorded: test_base_jsonata_regular_expressions
    check("$map($list, function($v) { $v = 1 ? 'pass' : 'failed' })", r#"["failed","pass","failed"]"#);
    check("$merge([$states.input.nested, $obj]).k", "[1]");
}

#[test]
fn functions_of_step_functions() {
    check("$partition([0], 1)", "[[0]]"); // recorded: test_array_partition
    check("$partition([1,2,3,4,5], 2)", "[[1,2],[3,4],[5]]");
    check("$partition($nope, 2)", "undefined");
    check("$partition([1], -1)", ". T0410: Argument 2 of function \"partition\" does not match function signature");
    check("$range(1,9,9)", "1"); // recorded: test_array_range
    check("$range(0,9,3)", "[0,3,6,9]");
    check("$range(0,10,3)", "[0,3,6,9]");
    check("$range(5,1,-2)", "[5,3,1]");
    check("$range(-1.7,2,1)", "[-1,0,1,2]");
    check("$range(1,5,-1)", "undefined");
    check("$hash('input','SHA-1')", r#""140f86aae51ab9e1cda9b4254fe98a74eb54c1a1""#);
    check("$hash('input','MD5')", r#""a43c1b0aa53a0c908810c06ab1ff3967""#);
    check("$hash($nope,'MD5')", "undefined");
    check("$parse('{\"a\":1}').a", "1");
    check("$parse('-0')", "0"); // recorded: test_json_manipulation_jsonata
    check("$random(42)", "0.7275636800328681"); // java.util.Random
    check("$eval('1')", ". T1006: Attempted to invoke a non-function");
    check("$map([1], $eval)", ". T1006: Attempted to invoke a non-function");
    check("$randomSeeded(1)", ". T1006: Attempted to invoke a non-function"); // recorded: test_math_random_seeded
}

#[test]
fn the_moment_of_a_step() {
    check("$now()", r#""2026-11-20T22:46:26.123Z""#);
    check("$now('[Y0001]/[M01]')", r#""2026/11""#);
    check("$now('[H01]:[m01]', '+0530')", r#""04:16""#);
    check("$millis()", "1795214786123");
    check("$now() = $fromMillis($millis())", "true");
    check("$uuid() = $uuid()", "false");
    check("$random() = $random()", "false");
    check(
        "$match($uuid(), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/) ~> $exists()",
        "true",
    );
    check("$sort($shuffle([1,2,3,4,5]))", "[1,2,3,4,5]");
    for text in ["$random()", "$uuid()", "$shuffle([1..9])"] {
        assert_eq!(outcome(text), outcome(text), "the same bits give the same {text}");
    }
}

#[test]
fn refused_at_creation() {
    check("phone", "refused : Reference to 'phone' at the top level is not supported.");
    check("$.total", "refused : Reference to '$' at the top level is not supported.");
    check("$sum(foo)", "refused : Reference to 'foo' at the top level is not supported.");
    check("{'a': foo.bar}", "refused : Reference to 'foo' at the top level is not supported.");
    check("($x := foo; 1)", "refused : Reference to 'foo' at the top level is not supported.");
    check("$list[$$ = 1]", "refused : Reference to '$$' is not supported.");
    check("$name ?? 1", "refused S0211: The symbol \"?\" cannot be used as a unary operator");
    check("$name ?: 1", "refused S0211: The symbol \":\" cannot be used as a unary operator");
    check("a[1,2)", "refused S0202: Expected \"]\", got \",\"");
    check("\"unterminated", "refused S0101: String literal must be terminated by a matching quote");
    check("1 +", "refused S0207: Unexpected end of expression");
    check("{\"a\":}", "refused S0211: The symbol \"}\" cannot be used as a unary operator");
    check("$x :=", "refused S0207: Unexpected end of expression");
    check("$match(\"a\", /abc", "refused S0302: No terminating / in regular expression");
    check("", "refused S0207: Unexpected end of expression");
}

#[test]
fn allowed_where_something_supplies_the_context() {
    check("$order[$.total > 10]", "undefined");
    check("$order[total > 10]", "undefined");
    check("$list.{'v': $}", r#"[{"v":3},{"v":1},{"v":2}]"#);
    check("$states.input.items^(>price).sku", r#"["a","b","c"]"#);
    check("$obj ~> |$|{'k': 2}|", r#"{"k":2}"#);
    check("function($x){ $ }", "unsupported");
}

#[test]
fn errors_name_their_values() {
    check("$sum(['a'])", ". T0412: Argument 1 of function \"sum\" must be an array of \"numbers\"");
    check("$length(1)", ". T0410: Argument 1 of function \"length\" does not match function signature");
    check("$length('a','b')", ". T0410: Argument 2 of function \"length\" does not match function signature");
    check("true and $abs('x')", ". T0410: Argument 1 of function \"and\" does not match function signature");
    check("( $a := 'x'; $abs($a) )", ". T0410: Argument 1 of function \"abs\" does not match function signature");
    check("1 - $states.input.s", ". T2002: The right side of the \"-\" operator must evaluate to a number");
    check("{'a': 'x' + 1}", ". T2001: The left side of the \"+\" operator must evaluate to a number");
    check("'a' < 1", ". T2009: The values \"a\" and 1 either side of operator \"<\" must be of the same data type");
    check(
        "true < 2",
        ". T2010: The expressions either side of operator \"<\" must evaluate to numeric or string values",
    );
    check("-'a'", ". D1002: Cannot negate a non-numeric value: \"a\"");
    check("{1: 2}", ". T1003: Key in object structure must evaluate to a string; got: 1");
    check("$number('abc')", ". D3030: Unable to cast value to a number: \"abc\"");
    check("$map(['x'], function($v){ $number($v) })", ". D3030: Unable to cast value to a number: \"x\"");
    check("$sqrt(-1)", ". D3060: The sqrt function cannot be applied to a negative number: -1");
    check("$error('no luck')", ". D3137: no luck");
    check("$assert(false)", ". D3141: $assert() statement failed");
    check("$replace('a','','b')", ". D3010: Second argument of replace function cannot be an empty string");
    check("[1..'a']", ". T2004: The right side of the range operator (..) must evaluate to an integer");
}

#[test]
fn limits_end_an_evaluation() {
    const MEMORY: &str = ": Expression evaluation memory limit exceeded: Check for excessive memory usage";
    check("$sum([1..873782])", "381747928653");
    check("$sum([1..9999999])", MEMORY);
    check("$range(1,100000000,1)", MEMORY);
    // Small in memory, since its parts are shared, but of 8^9 numbers as text.
    let shared = "( $a := [1..8]; $b := $map($a, function(){$a}); $c := $map($a, function(){$b}); $d := $map($a, function(){$c});
        $e := $map($a, function(){$d}); $f := $map($a, function(){$e}); $g := $map($a, function(){$f});
        $h := $map($a, function(){$g}); $map($a, function(){$h}) )";
    check(shared, MEMORY);
    let endless = Jsonata::parse("( $f := function($x){ $f($x+1) }; $f(1) )").expect("it parses");
    let limits = Limits { timeout_millis: 20, ..Limits::DEFAULT };
    let message = match endless.eval_within(&world(), &limits) {
        Err(EvalError::Jsonata { code, message, .. }) => thrown(&code, &message),
        other => format!("{other:?}"),
    };
    assert_eq!(message, ": Expression evaluation timeout: Check for infinite loop");
    check(
        "( $f := function($x){ 1 + $f($x+1) }; $f(1))",
        ": Stack overflow error: Check for non-terminating recursive function. Consider rewriting as tail-recursive",
    );
}

/// Also where the engine itself looks at no clock.
#[test]
fn limits_hold_inside_functions() {
    const MEMORY: &str = ": Expression evaluation memory limit exceeded: Check for excessive memory usage";
    check("$length($pad('x', 4194304))", "4194304");
    check("$pad('x', 8388608)", MEMORY);
    check("$pad('x', -8388608)", MEMORY);
    check("'x' ~> $pad(3, '-')", "\"x--\"");
    check("$length($replace($pad('', 1000000, 'a'), 'a', 'bb'))", "2000000");
    check("$replace($pad('', 200000, 'a'), 'a', $pad('', 200000, 'b'))", MEMORY);
    check("$replace($pad('', 200000, 'a'), /a/, $pad('', 200000, 'b'))", MEMORY);
    check("$replace('abcabc', 'b', $replace('xyx', /x/, 'q'))", "\"aqyqcaqyqc\"");
    check("$replace('abc', /b/, function($m){ $uppercase($m.match) })", "\"aBc\"");
    check("$reduce([1..60], function($a, $i){ $a & $a }, 'abc')", MEMORY);
    check("( $f := function($s, $n){ $n = 0 ? $s : $f($s & $s, $n - 1) }; $f('abc', 60) )", MEMORY);
    check("( $f := function($s){ $s & '!' }; $map(['a', 'b'], $f) )", "[\"a!\",\"b!\"]");
    check("$count($distinct([1..200000]))", "200000");
    check(
        "$distinct([1, '1', 1, {'a': 1, 'b': 2}, {'b': 2, 'a': 1}, [1], [1], null, null])",
        "[1,\"1\",{\"a\":1,\"b\":2},[1],null]",
    );
    check("$distinct([1])", "[1]");
    check("$distinct($states.input.items.(qty > 1))", "[true,false]");
    check("( $distinct := function($x){ 'mine' }; $distinct([1]) )", "\"mine\"");
}

#[track_caller]
fn check_names(text: &str, variables: &str, functions: &str) {
    let expression = Jsonata::parse(text).expect("it parses");
    assert_eq!(expression.free_variables().join(" "), variables, "variables of {text}");
    assert_eq!(expression.functions().join(" "), functions, "functions of {text}");
}

#[test]
fn names_that_are_read() {
    check_names("$a + $b", "a b", "");
    check_names("$states.input.x & $a", "a states", "");
    check_names("$sum($x) + $unknown($y)", "unknown x y", "sum");
    check_names("( $a := $b; $a + $c )", "b c", "");
    check_names("( $a := $a + 1; $a )", "a", "");
    check_names("$a := 1", "", "");
    check_names("function($x, $y){ $x + $y + $z }", "z", "");
    check_names("( ( $a := 1 ); $a )", "a", "");
    check_names("( $f := function($n){ $n < 1 ? $late : $f($n - 1) }; $late := 2; $f(1) )", "", "");
    check_names("$map($list, $string)", "list", "map string");
    check_names("$items@$i#$k[$i.x = $k].{'v': $i, 'w': $o}", "items o", "");
    check_names("$a.items@$i{$i.a: $j}", "a j", "");
    check_names("$l^($.x + $w)", "l w", "");
    check_names("$o ~> |$|{'k': $v}|", "o v", "");
    check_names("$uuid() & $now()", "", "now uuid");
}

#[test]
fn parts_of_states_that_are_read() {
    let members = |text: &str| {
        let members = Jsonata::parse(text).expect("it parses").states_members();
        members.map(|members| members.join(" "))
    };
    assert_eq!(members("$states.input.x + $states.result"), Some("input result".to_owned()));
    assert_eq!(members("$x"), Some(String::new()));
    assert_eq!(members("$keys($states)"), None);
    assert_eq!(members("$states.*"), None);
    assert_eq!(members("$states[input.x = 1].context"), Some("context input".to_owned()));
    assert_eq!(members("($s := $states; $s.input)"), None);
    assert_eq!(members("$count($states.input)"), Some("input".to_owned()));
}

#[test]
fn only_what_is_read_is_built() {
    struct NoContext(World);
    impl Scope for NoContext {
        fn input(&self) -> &Value {
            self.0.input()
        }
        fn context(&self) -> &Value {
            panic!("nobody asked for the context")
        }
        fn variable(&self, _: &str) -> Option<&Value> {
            None
        }
        fn random(&self) -> u64 {
            panic!("nobody asked for random bits")
        }
        fn now(&self) -> Timestamp {
            Timestamp(0)
        }
    }
    let expression = Jsonata::parse("$states.input.n + $count($states.input.items)").expect("it parses");
    assert_eq!(expression.eval(&NoContext(world())), Ok(Some(Value::from(8))));
}

#[test]
fn what_is_not_read_does_not_change_results() {
    check("$count($states.input.items)", "3");
    check("$exists($states.input.items.sku)", "true");
    check("$map($states.input.items, function($v){ $v.price * $v.qty })", "[10,1]");
    check("$map($states.input.items, function($v, $i){ $i })", "[0,1,2]");
    check("$map($states.input.items, function($v, $i, $a){ $count($a.sku) })", "[3,3,3]");
    check("$filter($states.input.items, function($v){ $v.price > 2 })", r#"{"sku":"a","price":2.5,"qty":4}"#);
    check("$filter($states.input.items, function($v){ $v.price > 2 }).qty", "4");
    check("$sort($states.input.items, function($l, $r){ $l.qty > $r.qty }).sku", r#"["b","c","a"]"#);
    check("$states.input.items^(qty).sku", r#"["b","c","a"]"#);
    check("$states.input.items[qty > 1].{'s': sku, 'all': $}.all.price", "2.5");
    check("$states.input.items{sku: $sum(qty)}", r#"{"a":4,"b":1,"c":2}"#);
    check("$states.input.items.(price ? sku : qty)", r#"["a","b",2]"#);
    check("$states.input.items.$keys()", r#"["sku","price","qty","sku","price","qty","sku","qty"]"#);
    check("$states.input.items.sku.$length()", "[1,1,1]");
    check("$states.input.items[0].*", r#"["a",2.5,4]"#);
    check("$states.input.nested.list[$exists(x)].x[1]", "3");
    check("($i := $states.input.items; $i[0].price)", "2.5");
    check("($states.input.n > 3 ? $states.input.nested : $states.input.items).list[0].x", "1");
    check("$states.input ~> |nested|{'list': 0}| ~> $lookup('nested')", r#"{"list":0}"#);
    check("$states.**.price", "[2.5,1]");
}

#[test]
fn an_expression_may_be_shared_between_threads() {
    let expression = Jsonata::parse("$sum($states.input.items.qty) + $states.input.n").expect("it parses");
    std::thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| assert_eq!(expression.eval(&world()), Ok(Some(Value::from(12)))));
        }
    });
}

#[test]
fn no_text_makes_the_parser_fail() {
    const PIECES: [&str; 32] = [
        "$",
        "$$",
        "a",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ".",
        "..",
        ",",
        ";",
        ":",
        ":=",
        "?",
        "~>",
        "|",
        "^",
        "@$i",
        "#$k",
        "%",
        "*",
        "**",
        "'x'",
        "\"",
        "/",
        "1",
        "e9",
        "function($x)",
        "and ",
        "\u{1F600}",
    ];
    let mut state: u64 = 1;
    for _ in 0..5_000 {
        let mut text = String::new();
        for _ in 0..12 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            text.push_str(PIECES[usize::try_from(state >> 59).expect("five bits fit")]);
        }
        let _ = outcome(&text);
    }
    for deep in ["(", "[", "-", "$a[", "$f(", "{'a':"] {
        let _ = outcome(&deep.repeat(20_000));
    }
}
