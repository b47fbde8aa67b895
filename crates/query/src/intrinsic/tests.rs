//! Tables of calls, most of them recorded.

use crate::testing::{TestScope, arbitrary_texts};
use crate::{EvalError, Intrinsic};

#[track_caller]
fn check(call: &str, input: &str, expected: &str) {
    let scope = TestScope::new(input);
    match Intrinsic::parse(call).map(|call| call.call(&scope)) {
        Ok(Ok(value)) => assert_eq!(value.to_json(), expected, "{call} of {input}"),
        other => panic!("{call} of {input}: {other:?}"),
    }
}

#[track_caller]
fn fails(call: &str, input: &str, reason: &str) {
    let scope = TestScope::new(input);
    match Intrinsic::parse(call).map(|call| call.call(&scope)) {
        Ok(Err(EvalError::Intrinsic { call: text, reason: found, .. })) => {
            assert_eq!((&*text, found.as_str()), (call, reason))
        }
        other => panic!("{call} of {input}: {other:?}"),
    }
}

#[track_caller]
fn refused(call: &str, message: &str, offset: usize) {
    let error = Intrinsic::parse(call).map_err(|error| (error.message, error.offset));
    assert_eq!(error.map(|_| ()), Err((message.to_owned(), offset)), "{call}");
}

/// Calls a function of two arguments on `{"fst": …, "snd": …}`.
#[track_caller]
fn two(function: &str, first: &str, second: &str, expected: &str) {
    check(&format!("States.{function}($.fst, $.snd)"), &format!(r#"{{"fst":{first},"snd":{second}}}"#), expected);
}

/// Recorded: test_array_0, test_array_2.
#[test]
fn array() {
    check("States.Array()", "null", "[]");
    check("States.Array($.a, null, 'x', -1.50, true)", r#"{"a":{"b":[]}}"#, r#"[{"b":[]},null,"x",-1.50,true]"#);
}

/// Recorded: test_array_partition.
#[test]
fn array_partition() {
    two("ArrayPartition", "[]", "1", "[]");
    two("ArrayPartition", "[0]", "5", "[[0]]");
    two("ArrayPartition", "[0,1,2]", "2", "[[0,1],[2]]");
    two("ArrayPartition", "[0,1,2,3]", "3", "[[0,1,2],[3]]");
    two("ArrayPartition", "[0,1,2,3]", "1.5", "[[0,1],[2,3]]");
    let size = "States.ArrayPartition: argument 2, the size of the parts, must be a positive whole number";
    fails("States.ArrayPartition($, 0)", "[]", size);
    fails("States.ArrayPartition($, -1)", "[]", size);
    fails(
        "States.ArrayPartition(1, 1)",
        "[]",
        "States.ArrayPartition: argument 1 must be an array, but is of type number",
    );
}

/// Recorded: test_array_contains.
#[test]
fn array_contains() {
    two("ArrayContains", "[]", "null", "false");
    two("ArrayContains", "[]", "[]", "false");
    two("ArrayContains", "[[1,2,3],2]", "null", "false");
    two("ArrayContains", "[[1,2,3],2]", "[1,2,3]", "true");
    two("ArrayContains", r#"[{"1":2,"2":[]}]"#, "[]", "false");
    two("ArrayContains", r#"[{"1":2,"2":[]}]"#, r#"{"2":[],"1":2}"#, "true");
    two("ArrayContains", "[true,false]", "true", "true");
}

/// Recorded: test_array_range; the limit is documented.
#[test]
fn array_range() {
    check("States.ArrayRange(0, 9, 3)", "null", "[0,3,6,9]");
    check("States.ArrayRange(0, 10, 3)", "null", "[0,3,6,9]");
    check("States.ArrayRange(1, 9, 9)", "null", "[1]");
    check("States.ArrayRange(1, 9, 2)", "null", "[1,3,5,7,9]");
    check("States.ArrayRange(5, 1, -2)", "null", "[5,3,1]");
    check("States.ArrayRange(5, 1, 1)", "null", "[]");
    check("States.ArrayLength(States.ArrayRange(1, 1000, 1))", "null", "1000");
    check(
        "States.ArrayRange(9223372036854775806, 9223372036854775807, 1)",
        "null",
        "[9223372036854775806,9223372036854775807]",
    );
    fails("States.ArrayRange(0, 1000, 1)", "null", "States.ArrayRange: the range has more than 1000 items");
    fails("States.ArrayRange(0, 1, 0)", "null", "States.ArrayRange: argument 3, the step, must not be 0");
}

#[test]
fn array_items() {
    check("States.ArrayGetItem($, 5)", "[1,2,3,4,5,6,7,8,9]", "6"); // recorded: test_array_get_item
    check("States.ArrayLength($)", "[1,2,3,4,5,6,7,8,9]", "9"); // recorded: test_array_length
    check(
        "States.ArrayUnique($)",
        r#"[null,null,1,1.0,1.1,"a",[],[],[null],{"a":1,"b":2},{"b":2,"a":1}]"#,
        r#"[null,1,1.1,"a",[],[null],{"a":1,"b":2}]"#,
    );
    fails(
        "States.ArrayGetItem($, 2)",
        "[1,2]",
        "States.ArrayGetItem: the index 2 is out of range: the array has 2 items",
    );
    fails(
        "States.ArrayGetItem($, -1)",
        "[1,2]",
        "States.ArrayGetItem: the index -1 is out of range: the array has 2 items",
    );
}

/// Recorded: test_base_64_encode, test_base_64_decode, test_hash.
#[test]
fn encoding() {
    check("States.Base64Encode('')", "null", r#""""#);
    check("States.Base64Decode('')", "null", r#""""#);
    check("States.Base64Encode('Data to encode é')", "null", r#""RGF0YSB0byBlbmNvZGUgw6k=""#);
    check("States.Base64Decode('RGF0YSB0\r\nbyBlbmNvZGUgw6k')", "null", r#""Data to encode é""#);
    fails(
        "States.Base64Encode($)",
        &format!("\"{}\"", "é".repeat(10_001)),
        "States.Base64Encode: the text has 10001 characters, at most 10000 are allowed",
    );
    two("Hash", r#""input data""#, r#""MD5""#, r#""812f45842bc6d66ee14572ce20db8e86""#);
    two("Hash", r#""input data""#, r#""SHA-1""#, r#""aaff4a450a104cd177d28d18d74485e8cae074b7""#);
    two(
        "Hash",
        r#""input data""#,
        r#""SHA-256""#,
        r#""b4a697a057313163aee33cd8d40c66e9f0f177e00cac2de32475ffff6169c3e3""#,
    );
    two(
        "Hash",
        r#""input data""#,
        r#""SHA-384""#,
        r#""d28a7d5cf25a74f11a50a18452b75e04bb3d70c9dd0510d6123aa008c756511b87525bdc835ebb27e1fb9e9374a15562""#,
    );
    two(
        "Hash",
        r#""input data""#,
        r#""SHA-512""#,
        r#""6ce4adb348546d4f449c4d25aad9a7c9cb711d9e91982d3f0b29ca2f3f47d4ce2deba23bf2954f0f1d593fc50283731a533d30d425402d4f91316d871303aac4""#,
    );
    fails(
        "States.Hash('a', 'SHA1')",
        "null",
        "States.Hash: `SHA1` is not a hashing algorithm; there are MD5, SHA-1, SHA-256, SHA-384, SHA-512",
    );
}

/// Recorded: test_json_merge, test_json_to_string, test_string_to_json.
#[test]
fn json() {
    check(
        "States.JsonMerge($.a, $.b, false)",
        r#"{"a":{"a":{"a1":1},"b":2,"d":3},"b":{"a":{"a3":1},"c":3,"d":4}}"#,
        r#"{"a":{"a3":1},"b":2,"d":4,"c":3}"#,
    );
    check(
        r#"States.JsonMerge($, States.StringToJson('\{"a":\{"b":1\}\}'), false)"#,
        r#"{"z":1}"#,
        r#"{"z":1,"a":{"b":1}}"#,
    );
    fails(
        "States.JsonMerge($, $, true)",
        "{}",
        "States.JsonMerge: argument 3 must be false: only shallow merging is supported",
    );
    for (text, printed) in [
        ("null", "null"),
        ("1.1", "1.1"),
        ("true", "true"),
        (r#""Hi""#, r#"\"Hi\""#),
        (r#"[1, 2, "Hi"]"#, r#"[1,2,\"Hi\"]"#),
        (r#"{"A": 1, "B": []}"#, r#"{\"A\":1,\"B\":[]}"#),
    ] {
        check("States.JsonToString($)", text, &format!("\"{printed}\""));
    }
    for (text, value) in
        [("", "null"), (" ", "null"), ("null", "null"), ("-0", "0"), ("1.10", "1.10"), ("[1, 2]", "[1,2]")]
    {
        check(&format!("States.StringToJson('{text}')"), "null", value);
    }
    fails(
        "States.StringToJson('nope')",
        "null",
        "States.StringToJson: the text is not JSON: Unrecognized token 'nope': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')",
    );
}

/// Recorded: test_math_add.
#[test]
fn math_add() {
    for (first, second, sum) in [
        ("-9", "3", "-6"),
        ("1.49", "1.5", "3"),
        ("1.5", "1.51", "4"),
        ("-1.49", "-1.5", "-2"),
        ("-1.5", "-1.51", "-3"),
        ("1.49", "-1.49", "0"),
        ("-1.5", "0", "-1"),
        ("-1.51", "0", "-2"),
        ("0.5", "0", "1"),
        ("2.5", "0", "3"),
        ("-0.5", "0.5", "1"),
        ("-0.5", "0", "0"),
        ("-2.5", "0", "-2"),
        ("-3.5", "0", "-3"),
        ("0.49999999999999994", "0", "0"),
        ("9007199254740993", "0", "9007199254740993"),
    ] {
        two("MathAdd", first, second, sum);
    }
    fails("States.MathAdd(9223372036854775807, 1)", "null", "States.MathAdd: the sum does not fit in 64 bits");
    fails("States.MathAdd('1', 1)", "null", "States.MathAdd: argument 1 must be a number, but is of type string");
    fails(
        "States.MathAdd(1e30, 1)",
        "null",
        "States.MathAdd: argument 1 must be a number of 64 bits, but is of type number",
    );
}

#[test]
fn random() {
    let scope = TestScope::new("null");
    let number = |call: &str| Intrinsic::parse(call).unwrap().call(&scope).unwrap().as_i64().unwrap();
    let drawn: std::collections::BTreeSet<i64> = (0..200).map(|_| number("States.MathRandom(-1, 2)")).collect();
    assert_eq!(drawn.into_iter().collect::<Vec<_>>(), [-1, 0, 1]);
    assert_eq!(number("States.MathRandom(7, 8)"), 7);
    assert!((13..45).contains(&number("States.MathRandom(12.5, 44.51)"))); // recorded: test_math_random
    assert_eq!(number("States.MathRandom(0, 999, 3)"), number("States.MathRandom(0, 999, 3)"));
    assert_ne!(number("States.MathRandom(0, 999999, 3)"), number("States.MathRandom(0, 999999, 4)"));
    let start = "States.MathRandom: the start (argument 1) must be less than the end (argument 2)";
    fails("States.MathRandom(2, 2)", "null", start);
    fails("States.MathRandom(3, 2)", "null", start);
}

#[test]
fn uuid() {
    let scope = TestScope::new("null");
    let call = Intrinsic::parse("States.UUID()").unwrap();
    let (one, two) = (call.call(&scope).unwrap(), call.call(&scope).unwrap());
    assert_ne!(one, two);
    let text = one.as_str().unwrap();
    let dashes: Vec<usize> = text.match_indices('-').map(|(at, _)| at).collect();
    assert_eq!((text.len(), dashes), (36, vec![8, 13, 18, 23]));
    assert_eq!(text.as_bytes()[14], b'4');
    assert!(b"89ab".contains(&text.as_bytes()[19]));
}

/// Recorded: test_string_split, test_escape_sequence.
#[test]
fn string_split() {
    two("StringSplit", r#"" ""#, r#"",""#, r#"[" "]"#);
    two("StringSplit", r#"", , ,""#, r#"",""#, r#"[" "," "]"#);
    two("StringSplit", r#"",,,,""#, r#"",""#, "[]");
    two("StringSplit", r#""1,2,3""#, r#"",""#, r#"["1","2","3"]"#);
    two("StringSplit", r#""This.is+a,test=string""#, r#"".+,=""#, r#"["This","is","a","test","string"]"#);
    two("StringSplit", r#""split on T and \nnew line""#, r#""T\n""#, r#"["split on "," and ","new line"]"#);
    check("States.StringSplit('Hello\nWorld', '\n')", "null", r#"["Hello","World"]"#);
}

/// Recorded: test_format_1, test_format_2, test_context_json_path.
#[test]
fn format() {
    for (value, text) in [
        (r#""""#, ""),
        (r#"" ""#, " "),
        ("null", "null"),
        ("1", "1"),
        ("1.1", "1.1"),
        (r#""{\"A\": 1}""#, r#"{\"A\": 1}"#),
        (r#"{"Arg1":1,"Arg2":[]}"#, "{Arg1=1, Arg2=[]}"),
    ] {
        check("States.Format('Argument {}.', $)", value, &format!("\"Argument {text}.\""));
    }
    check(
        "States.Format('fst={} and snd={}.', $$.Execution.Name, $$.StateMachine)",
        "null",
        r#""fst=run and snd={Id=arn, Name=machine}.""#,
    );
    check("States.Format('{}{}', 1, [1])".replace("[1]", "true").as_str(), "null", r#""1true""#);
    check(r"States.Format('\{\} \'{}\' \\ {x}', 5)", "null", r#""{} '5' \\ {x}""#);
    check("States.Format($.t, $.a)", r#"{"t":"Hello {}!","a":"{}"}"#, r#""Hello {}!""#);
    check("States.Format($, 1)", r#""\\{\\} {} { C:\\x""#, r#""{} 1 { C:\\x""#);
    fails(
        "States.Format('{} {}', 1)",
        "null",
        "States.Format: the template has 2 times `{}`, but there are 1 values for them",
    );
    fails("States.Format(1)", "null", "States.Format: argument 1 must be a string, but is of type number");
}

#[test]
fn nesting_and_paths() {
    check("States.MathAdd(States.MathAdd(States.MathAdd($.y, $.x), $v.w[1]), -1)", r#"{"x":1,"y":2}"#, "4");
    check("States.ArrayGetItem( States.Array($.a, $['b c'] ,$.a.length() ), 2 )", r#"{"a":[1,2],"b c":1}"#, "2");
    check("States.ArrayContains($.a[?(@.b == 'x, y)')].b, 'x, y)')", r#"{"a":[{"b":"x, y)"}]}"#, "true");
    let nested = |depth: usize| format!("{}1{}", "States.Array(".repeat(depth), ")".repeat(depth));
    assert!(Intrinsic::parse(&nested(11)).is_ok());
    assert!(Intrinsic::parse(&nested(12)).is_err());
    assert!(Intrinsic::parse(&nested(100_000)).is_err());
    let mut paths = Vec::new();
    let call = Intrinsic::parse("States.Format('{}', States.Array($.a, $v.w), $$.x)").unwrap();
    call.for_each_path(&mut |path| paths.push(path.text().to_string()));
    assert_eq!(paths, ["$.a", "$v.w", "$$.x"]);
    let missing = Intrinsic::parse("States.ArrayLength($.no)").unwrap().call(&TestScope::new("{}"));
    assert!(
        matches!(missing, Err(EvalError::Path { missing, .. }) if missing.reason == "No results for path: $['no']")
    );
}

#[test]
fn what_is_no_call() {
    let argument = "an argument is a path, a text in single quotes, a number, `true`, `false`, `null` or a call";
    let escape = r"only `\'`, `\{`, `\}` and `\\` may follow a backslash";
    refused("", "an intrinsic function begins with `States.`", 0);
    refused("States.format('a')", "there is no intrinsic function `States.format`; did you mean `States.Format`?", 0);
    refused("States.Nope()", "there is no intrinsic function `States.Nope`", 0);
    refused("States.UUID", "`(` must follow the name of the function", 11);
    refused("States.UUID() x", "nothing may follow the call", 14);
    refused("States.UUID(1)", "States.UUID takes 0 arguments, but has 1", 14);
    refused("States.MathRandom(1)", "States.MathRandom takes 2 to 3 arguments, but has 1", 20);
    refused("States.Format()", "States.Format takes at least 1 arguments, but has 0", 15);
    refused("States.Array(1,)", argument, 15);
    refused("States.Array(\"a\")", argument, 13);
    refused("States.Array(1 2)", "`,` or `)` must follow an argument", 15);
    refused("States.Array('a)", "the quote that ends the text is missing", 16);
    refused(r#"States.Format('He said, \"Hello, {}!\"', 'x')"#, escape, 26); // recorded: test_illegal_escapes
    refused(r"States.Array('a\", escape, 16);
    refused("States.Array($.)", "a name, `*` or `[` must follow the dot", 15);
    refused("States.Array(-)", "this is not a number", 13);
}

#[test]
fn parsing_never_panics() {
    const FRAGMENTS: &[&str] = &[
        "States.",
        "Array(",
        "Format('",
        "UUID()",
        "(",
        ")",
        "'",
        "\\",
        "{}",
        "{",
        "$",
        "$.a",
        "$$",
        ",",
        " ",
        "-",
        "1",
        "1.5e3",
        "null",
        "é",
        "[",
        "]",
        "\u{0}",
        "MathAdd(1,2)",
    ];
    let scope = TestScope::new(r#"{"a":1}"#);
    for text in arbitrary_texts(FRAGMENTS, 60_000) {
        for text in [format!("States.{text}"), format!("States.Array({text}")] {
            if let Ok(call) = Intrinsic::parse(&text) {
                let _ = call.call(&scope);
            }
        }
    }
}
