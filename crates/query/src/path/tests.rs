//! Tables of paths.

use crate::path::{JsonPath, Root};
use crate::testing::{TestScope, arbitrary_texts};

const STORE: &str = r#"{"store":{"book":[
    {"category":"reference","author":"Rees","title":"Sayings","price":8.95},
    {"category":"fiction","author":"Waugh","title":"Sword","price":12.99},
    {"category":"fiction","author":"Melville","title":"Moby","isbn":"0-553","price":8.99},
    {"category":"fiction","author":"Tolkien","title":"Rings","isbn":"0-395","price":22.99}],
    "bicycle":{"color":"red","price":19.95}},"expensive":10}"#;

#[track_caller]
fn check(path: &str, document: &str, expected: &str) {
    let selected = JsonPath::parse(path).map(|path| path.select(&TestScope::new(document)));
    match selected {
        Ok(Ok(value)) => assert_eq!(value.to_json(), expected, "{path}"),
        other => panic!("{path}: {other:?}"),
    }
}

#[track_caller]
fn missing(path: &str, document: &str, reason: &str) {
    let selected = JsonPath::parse(path).map(|path| path.select(&TestScope::new(document)));
    match selected {
        Ok(Err(missing)) => assert_eq!((&*missing.path, missing.reason.as_str()), (path, reason)),
        other => panic!("{path}: {other:?}"),
    }
}

#[track_caller]
fn refused(path: &str) {
    assert!(JsonPath::parse(path).is_err(), "{path}");
}

#[test]
fn names_and_indexes() {
    check("$", "[1,2]", "[1,2]");
    check("$.a.b", r#"{"a":{"b":1}}"#, "1");
    check("$['a'][\"b\"]", r#"{"a":{"b":1}}"#, "1");
    check("$.a.['b c']", r#"{"a":{"b c":1}}"#, "1");
    check("$.detail-type", r#"{"detail-type":"x"}"#, r#""x""#);
    check("$.größe.日本", r#"{"größe":{"日本":true}}"#, "true");
    check(r"$.store\.book", r#"{"store.book":1}"#, "1");
    check(r"$.foo\@bar.baz\[\[.\?pretty", r#"{"foo@bar":{"baz[[":{"?pretty":1}}}"#, "1");
    check(r"$.\*", r#"{"*":1,"a":2}"#, "1");
    check(r#"$['Test\""Name"']"#, r#"{"Test\\\"\"Name\"":"it"}"#, r#""it""#); // recorded: test_escape_sequence_parsing
    check(r"$['it\'s']", r#"{"it's":1}"#, "1");
    check("$['a.b']", r#"{"a.b":1}"#, "1");
    check("$.items[0]", r#"{"items":[{"k":0},{"k":1}]}"#, r#"{"k":0}"#); // recorded: test_json_path_array_access
    check("$.items[-1]", r#"{"items":[1,2,3]}"#, "3");
    check("$[ 1 ]", "[1,2,3]", "2");
    check("$.a ", r#"{"a":1}"#, "1");
    check("$.a", r#"{"a":null}"#, "null");
    check("$.length", r#"{"length":7}"#, "7");
}

#[test]
fn roots() {
    check("$$.Execution.Name", "null", r#""run""#);
    check("$$", "null", r#"{"Execution":{"Name":"run"},"StateMachine":{"Id":"arn","Name":"machine"}}"#);
    check("$v.w[1]", "null", "2");
    check("$v", "null", r#"{"w":[1,2]}"#);
    check("$v.w[*]", "null", "[1,2]");
    let root = |text| JsonPath::parse(text).map(|path| path.root());
    assert_eq!(root("$.a"), Ok(Root::Input));
    assert_eq!(root("$[0]"), Ok(Root::Input));
    assert_eq!(root("$$.a"), Ok(Root::Context));
    assert_eq!(root("$my_var1.a"), Ok(Root::Variable("my_var1".into())));
}

#[test]
fn kinds() {
    let kind = |text: &str| JsonPath::parse(text).map(|path| (path.is_definite(), path.is_whole()));
    for whole in ["$", "$$", "$v"] {
        assert_eq!(kind(whole), Ok((true, true)), "{whole}");
    }
    for definite in ["$.a", "$.a[0]['b']", "$[-1]", "$.a['b','c']", "$.a[*].length()"] {
        assert_eq!(kind(definite), Ok((true, false)), "{definite}");
    }
    for indefinite in ["$.*", "$..a", "$[0,1]", "$[1:]", "$[?(@.a)]", "$['a','b'].c"] {
        assert_eq!(kind(indefinite), Ok((false, false)), "{indefinite}");
    }
}

#[test]
fn lists_of_places() {
    check("$.a[0,2]", r#"{"a":[1,2,3]}"#, "[1,3]");
    check("$.a[0, -1, 9]", r#"{"a":[1,2,3]}"#, "[1,3]");
    check("$['a','c']", r#"{"a":1,"b":2,"c":3}"#, r#"{"a":1,"c":3}"#);
    check("$.['a', \"z\"]", r#"{"a":1}"#, r#"{"a":1}"#);
    check("$['a','b'].x", r#"{"a":{"x":1},"b":{"x":2}}"#, "[1,2]");
    check(
        "$.[*].['bucket','key']",
        r#"[{"bucket":1,"key":2,"z":3},{"bucket":4},5]"#,
        r#"[{"bucket":1,"key":2},{"bucket":4}]"#,
    );
    check("$..['a','b']", r#"{"x":{"a":1,"b":2},"y":{"a":3}}"#, r#"[{"a":1,"b":2}]"#);
}

#[test]
fn slices() {
    let document = "[0,1,2,3,4]";
    check("$[1:3]", document, "[1,2]");
    check("$[1:]", document, "[1,2,3,4]");
    check("$[:2]", document, "[0,1]");
    check("$[-2:]", document, "[3,4]");
    check("$[:-2]", document, "[0,1,2]");
    check("$[-3:-1]", document, "[2,3]");
    check("$[1:-1]", document, "[]");
    check("$[0:4:2]", document, "[0,1,2,3]");
    check("$[3:99]", document, "[3,4]");
    check("$[-2000000000:1]", "[7]", "[7,7]"); // every index between the bounds is looked up
    check("$[7:9]", document, "[]");
    check("$[:1]", "[]", "[]");
    refused("$[:]");
}

#[test]
fn wildcards_and_deep_scans() {
    check("$.*", r#"{"a":1,"b":[2]}"#, "[1,[2]]");
    check("$[*].a", r#"[{"a":1},{"b":2},3,{"a":4}]"#, "[1,4]");
    check("$.store.book[*].author", STORE, r#"["Rees","Waugh","Melville","Tolkien"]"#);
    check("$..price", STORE, "[8.95,12.99,8.99,22.99,19.95]");
    check("$.store..color", STORE, r#"["red"]"#);
    check("$..book[2].title", STORE, r#"["Moby"]"#);
    check("$..book[-1:].title", STORE, r#"["Rings"]"#);
    check("$..*", r#"{"a":[1,{"b":2}]}"#, r#"[[1,{"b":2}],1,{"b":2},2]"#);
    check("$..[0]", "[[1,2],[3]]", "[[1,2],1,3]");
    check("$..nothing", STORE, "[]");
    check("$.*", "5", "[]");
}

/// Recorded: test_json_path_array_wildcard_or_slice_with_no_input.
#[test]
fn indefinite_paths_on_missing_parents() {
    for path in [
        "$[*]",
        "$.items[*]",
        "$.items[1:]",
        "$.items[:1]",
        "$.item.items[*]",
        "$.item.items[1:]",
        "$.item.items[:1]",
        "$.item.items[1:5]",
    ] {
        check(path, "{}", "[]");
        check(&format!("{path}.itemValue"), "{}", "[]");
    }
    check("$.a.b[*]", r#"{"a":5}"#, "[]");
    check("$.items[1:]", r#"{"items":null}"#, "[]");
    check("$.items[?(@.x)]", "{}", "[]");
    missing("$[1:5]", "{}", "Filter: [1:5] can only be applied to arrays. Current context is: {}");
    missing("$[1:]", r#"{"a":1}"#, "Filter: [1:] can only be applied to arrays. Current context is: {a=1}");
    missing("$[:1]", "{}", "Filter: [:1] can only be applied to arrays. Current context is: {}");
    missing("$.a[?(@.x)]", r#"{"a":5}"#, "Filter: [?] can not be applied to primitives. Current context is: 5");
}

#[test]
fn definite_paths_that_lead_nowhere() {
    missing("$.NoSuchInputPath", r#"{"int-literal":0}"#, "No results for path: $['NoSuchInputPath']"); // recorded: test_invalid_jsonpath
    missing("$.a.b", r#"{"a":{}}"#, "No results for path: $['a']['b']");
    missing("$.a.b.c", r#"{"a":{}}"#, "Missing property in path $['a']['b']");
    missing("$.a[3]", r#"{"a":[1]}"#, "No results for path: $['a'][3]");
    missing("$.a[-2].b", r#"{"a":[1]}"#, "No results for path: $['a'][-2]['b']");
    missing("$.a[0]", r#"{"a":null}"#, "The path $['a'] is null");
    missing("$.a[0]", r#"{"a":"x"}"#, "Filter: [0] can only be applied to arrays. Current context is: x");
    missing("$$.Execution.Input", "{}", "No results for path: $['Execution']['Input']");
    missing("$x", "{}", "No results for path: $['x']");
    missing("$x.y", "{}", "Missing property in path $['x']");
    missing(
        "$.a.b",
        r#"{"a":1}"#,
        "Expected to find an object with property ['b'] in path $['a'] but found 'java.lang.Integer'. This is not a json \
         object according to the JsonProvider: 'com.jayway.jsonpath.spi.json.JacksonJsonProvider'.",
    );
}

#[test]
fn filters() {
    check(
        "$.users[?(@.status == 0)]",
        r#"{"users":[{"y":1997,"status":0},{"y":1998,"status":1}]}"#,
        r#"[{"y":1997,"status":0}]"#,
    ); // recorded: test_state_pass_regex_json_path_base
    let title = |condition: &str, titles: &str| {
        check(&format!("$.store.book[?({condition})].title"), STORE, titles);
        check(&format!("$.store.book.[?( {condition} )]['title']"), STORE, titles);
    };
    title("@.isbn", r#"["Moby","Rings"]"#);
    title("!@.isbn", r#"["Sayings","Sword"]"#);
    title("@.price<10", r#"["Sayings","Moby"]"#);
    title("@.price <= 8.95", r#"["Sayings"]"#);
    title("@.price > $.expensive", r#"["Sword","Rings"]"#);
    title("@['price'] >= 12.99 && @.category == 'fiction'", r#"["Sword","Rings"]"#);
    title("@.price < 9 && @.isbn || @.author == \"Rees\"", r#"["Sayings","Moby"]"#);
    title("@.price < 9 && (@.isbn || @.author == 'Waugh')", r#"["Moby"]"#);
    title("!(@.isbn || @.price > 10)", r#"["Sayings"]"#);
    title("@.author =~ /.*l.*/", r#"["Moby","Rings"]"#);
    title("@.author =~ /rees/i", r#"["Sayings"]"#);
    title("@.author =~ /ee/", "[]"); // the whole text must match
    title("@.isbn != '0-553'", r#"["Sayings","Sword","Rings"]"#);
    title("@.isbn == null", "[]");
    title("@.category in ['reference', 'poetry']", r#"["Sayings"]"#);
    title("@.category nin ['reference', 'poetry']", r#"["Sword","Moby","Rings"]"#);
    title("@.category IN [\"reference\"]", r#"["Sayings"]"#);
    title("@.author contains 'el'", r#"["Moby"]"#);
    title("@.title size 4", r#"["Moby"]"#);
    title("'Moby' == @.title", r#"["Moby"]"#);
    title("@.title.length() == null", r#"["Sayings","Sword","Moby","Rings"]"#);
    title("1 == 2", "[]");
}

#[test]
fn filters_on_lists_and_other_values() {
    let document = r#"[{"t":["a","b"]},{"t":["b","c"]},{"t":[]},{"t":null}]"#;
    let index = |condition: &str, expected: &str| check(&format!("$[?({condition})].t"), document, expected);
    index("@.t contains 'a'", r#"[["a","b"]]"#);
    index("@.t subsetof ['a','b','x']", r#"[["a","b"],[]]"#);
    index("@.t anyof ['c']", r#"[["b","c"]]"#);
    index("@.t noneof ['c']", r#"[["a","b"],[]]"#);
    index("@.t empty true", "[[]]");
    index("@.t empty false", r#"[["a","b"],["b","c"]]"#);
    index("@.t size 2", r#"[["a","b"],["b","c"]]"#);
    index("@.t == ['a', 'b']", r#"[["a","b"]]"#);
    index("@.t == null", "[null]");
    index("@.t", r#"[["a","b"],["b","c"],[],null]"#);
    index("@.t[*]", r#"[["a","b"],["b","c"]]"#);
    index("@.t[0] == 'b'", r#"[["b","c"]]"#);
    index("@.t.length() > 1", r#"[["a","b"],["b","c"]]"#);
    check("$[?(@ > 1)]", "[1,2,\"3\",3]", "[2,3]");
    check("$[?(@ == '1')]", r#"[1,"1"]"#, r#"["1"]"#);
    check("$[?(@.a == {\"b\": 1})]", r#"[{"a":{"b":1}}]"#, r#"[{"a":{"b":1}}]"#);
    check("$.x[?(@.a == 1)]", r#"{"x":{"a":1}}"#, r#"[{"a":1}]"#); // an object is tested itself
    check("$..[?(@.a)]", r#"{"x":{"a":1},"y":[{"a":2}]}"#, r#"[{"a":1},{"a":2}]"#);
    check(
        "$.approaches[?(@.workerId == $.agent_id)].approach",
        r#"{"agent_id":2,"approaches":[{"workerId":1,"approach":"a"},{"workerId":2,"approach":"b"}]}"#,
        r#"["b"]"#,
    );
    check("$.[?(@.OU > 0)]", r#"[{"OU":1},{"OU":0}]"#, r#"[{"OU":1}]"#);
}

#[test]
fn functions() {
    let document = r#"{"a":[1,2,3],"o":{"x":1,"y":[4,5]},"s":["a","b"],"e":[],"b":[{"p":1},{"p":4}]}"#;
    check("$.a.length()", document, "3");
    check("$.a.size()", document, "3");
    check("$.o.length()", document, "2");
    check("$.a[0].length()", document, "null");
    check("$.length($.a)", document, "3");
    check("$.b[*].p.length()", document, "2");
    check("$.a.min()", document, "1.0");
    check("$.a.max()", document, "3.0");
    check("$.a.sum()", document, "6.0");
    check("$.a.avg()", document, "2.0");
    check("$.a.stddev()", document, "0.8164965809277263");
    check("$..p.sum()", document, "5.0");
    check("$.sum($..p, 10, $.a)", document, "21.0");
    check("$.o.keys()", document, r#"["x","y"]"#);
    check("$.s.concat()", document, r#""ab""#);
    check("$.concat($.s[0], '-', $.a[1])", document, r#""a-2""#);
    check("$.a.append(4, 'x')", document, r#"[1,2,3,4,"x"]"#);
    check("$.a.first()", document, "1");
    check("$.a.last()", document, "3");
    check("$.a.index(-2)", document, "2");
    missing("$.e.first()", document, "Aggregation function attempted to calculate value using empty array");
    missing("$.e.sum()", document, "Aggregation function attempted to calculate value using empty array");
    missing("$.a.index(5)", document, "Target index:5 larger than object count:3");
    missing("$.zz.length()", document, "No results for path: $['zz']");
}

#[test]
fn what_is_no_path() {
    for text in [
        "",
        "a",
        ".a",
        "$.",
        "$..",
        "$.a.",
        "$...a",
        "$[",
        "$[]",
        "$[a]",
        "$['a'",
        "$['a]",
        "$['a',]",
        "$[1",
        "$[1,]",
        "$[-]",
        "$.a b",
        "$x-y",
        "$1",
        "$$a",
        "$]",
        "$a(",
        "$.a.nothing()",
        "$.a.length(",
        "$.a.length().b",
        "$[?]",
        "$[?()]",
        "$[?(@.a]",
        "$[?(@.a ==)]",
        "$[?(@.a = 1)]",
        "$[?(1)]",
        "$[?(@.a == 'x)]",
        "$[?(@.a =~ 'x')]",
        "$[?(@.a == /x/)]",
        "$[?(@.a =~ /(/)]",
        "$[?(@.a in [1,)]",
        "$[99999999999]",
        "$.a[?(@.b == $$.c)]",
        r"$.a\",
    ] {
        refused(text);
    }
}

#[test]
fn hostile_paths_end_fast() {
    refused(&format!("${}", "[?(".repeat(100_000)));
    refused(&format!("$[?({}@.a)]", "(".repeat(100_000)));
    refused(&format!("$[?(@.a == {}1)]", "[".repeat(100_000)));
    refused(&format!("${}", ".length(".repeat(100_000)));
    refused(&format!("${}", "..*".repeat(100_000)));
    refused("$[?(@.a =~ /((a{1000}){1000}){1000}/)]");
    let deep = format!("{}1{}", "[".repeat(900), "]".repeat(900));
    let reason = "The path visits more than 4000000 nodes; name the place more exactly";
    missing("$..*..*..*..*", &deep, reason);
    missing("$..*[?($..*[?($..*[?(@.a)])])]", &deep, reason);
    let many_a = format!("[\"{}\"]", "a".repeat(100_000));
    check("$[?(@ =~ /(a+)+$b/)]", &many_a, "[]");
    check("$[-2000000000:2000000000]", "[1]", "[1,1]");
    check(&format!("${}", "..*".repeat(200)), "[[1]]", "[]");
}

#[test]
fn parsing_never_panics() {
    const FRAGMENTS: &[&str] = &[
        "$", "$$", "@", ".", "..", "[", "]", "(", ")", "?", "*", "'", "\"", "\\", ",", ":", "-", "0", "7", "a", "é",
        "日", " ", "==", "!=", "=~", "/", "in", "&&", "||", "!", "{", "}", "length()", "sum(", "true", "null", "\u{0}",
        "[?(@.a", "['a']", "$.", "\\u12",
    ];
    let scope = TestScope::new(r#"{"a":[1,{"a":"é"}]}"#);
    for text in arbitrary_texts(FRAGMENTS, 60_000) {
        for text in [format!("${text}"), format!("$[?(@{text})]")] {
            if let Ok(path) = JsonPath::parse(&text) {
                let _ = path.select(&scope);
                assert_eq!(&**path.text(), text);
            }
        }
    }
}
