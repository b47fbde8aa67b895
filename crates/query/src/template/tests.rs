//! Templates of both languages. What JSONata itself evaluates to is tested with it.

use std::sync::Arc;

use stepwell_value::Value;
use stepwell_value::json::parse_spanned;

use super::{EvalError, Fault, Template};
use crate::testing::TestScope;

#[track_caller]
fn compile(source: &str) -> Template {
    Template::compile_jsonpath(&parse_spanned(source).unwrap()).unwrap()
}

#[track_caller]
fn check(source: &str, input: &str, expected: &str) {
    let value = compile(source).eval(&TestScope::new(input)).unwrap();
    assert_eq!(value.to_json(), expected);
}

#[test]
fn jsonpath_members_are_expressions() {
    check(r#"{"a":1,"b.$":"$.x","c":"$.x"}"#, r#"{"x":[1]}"#, r#"{"a":1,"b":[1],"c":"$.x"}"#);
    check(
        r#"{"n":{"m":[{"x.$":"$$.Execution.Name"},"$.x",[{"y.$":"States.Array($v.w[0])"}]]}}"#,
        "{}",
        r#"{"n":{"m":[{"x":"run"},"$.x",[{"y":[1]}]]}}"#,
    );
    check("[1]", "{}", "[1]");
    check(r#""$.x""#, "{}", r#""$.x""#);
    check(r#"{"a":1,"a.$":"$.x"}"#, r#"{"x":2}"#, r#"{"a":2}"#);
}

#[test]
fn a_template_without_expressions_stays_one_literal() {
    let source = r#"{"a":[1,{"b":"$.c"}],"d":{}}"#;
    assert_eq!(compile(source), Template::Literal(Value::parse(source).unwrap()));
    let Template::Object(members) = compile(r#"{"a":{"b":[1]},"c.$":"$"}"#) else { panic!("an object") };
    assert!(matches!(&members[0].1, Template::Literal(_)));
}

#[test]
fn evaluation_shares_what_it_selects() {
    let scope = TestScope::new(r#"{"x":[1,2]}"#);
    let value = compile(r#"{"y.$":"$.x"}"#).eval(&scope).unwrap();
    let (before, after) =
        (scope.input.get("x").unwrap().as_array().unwrap(), value.get("y").unwrap().as_array().unwrap());
    assert!(Arc::ptr_eq(before, after));
}

#[test]
fn jsonpath_failures_name_the_member() {
    let scope = TestScope::new(r#"{"x":"1"}"#);
    let path = compile(r#"{"a":{"value.$":"$.no_such_jsonpath"}}"#).eval(&scope); // recorded: test_invalid_jsonpath
    assert!(
        matches!(path, Err(EvalError::Path { field, missing }) if &*field == "value.$" && &*missing.path == "$.no_such_jsonpath")
    );
    let argument = compile(r#"{"b.$":"States.ArrayLength($.no)"}"#).eval(&scope);
    assert!(
        matches!(argument, Err(EvalError::Path { field, missing }) if &*field == "b.$" && &*missing.path == "$.no")
    );
    let call = compile(r#"{"c.$":"States.ArrayLength($.x)"}"#).eval(&scope);
    assert!(matches!(call, Err(EvalError::Intrinsic { field, .. }) if &*field == "c.$"));
}

#[test]
fn all_jsonpath_faults_are_collected() {
    let source = r#"{"a.$":1,"n":{"m":[0,{"b.$":"x"}],"o.$":"$.ok"},"c.$":"States.Nope()"}"#;
    let errors = Template::compile_jsonpath(&parse_spanned(source).unwrap()).unwrap_err();
    let found: Vec<(&str, &str, &str)> =
        errors.iter().map(|e| (e.field.as_str(), e.location.as_str(), &source[e.span.start..e.span.end])).collect();
    assert_eq!(found, [("a.$", "", "1"), ("b.$", "/n/m[1]", r#""x""#), ("c.$", "", r#""States.Nope()""#)]);
    assert_eq!(errors[0].fault, Fault::NotAString);
    assert_eq!(errors[2].fault, Fault::NotAnExpression("there is no intrinsic function `States.Nope`".to_owned()));
    assert!(matches!(&errors[1].fault, Fault::NotAnExpression(reason) if reason.starts_with("`x` is neither a path")));
}

#[test]
fn jsonata_fields_are_named_as_places() {
    fn fields(template: &Template, out: &mut Vec<String>) {
        match template {
            Template::Jsonata { field, .. } => out.push(field.to_string()),
            Template::Object(members) => members.iter().for_each(|(_, member)| fields(member, out)),
            Template::Array(items) => items.iter().for_each(|item| fields(item, out)),
            Template::Literal(_) | Template::Path { .. } => {}
        }
    }
    let check = |field: &str, source: &str, expected: &[&str]| {
        let template = Template::compile_jsonata(field, &parse_spanned(source).unwrap()).unwrap();
        let mut found = Vec::new();
        fields(&template, &mut found);
        assert_eq!(found, expected);
    };
    check("Output", r#""{% 1 %}""#, &["Output"]);
    check("Output", r#"{"result":"{% 1 %}","lit":" {% 1 %}","b.$":"$.x"}"#, &["Output/result"]);
    check("Arguments", r#"{"a":["{%1%}",{"b":"{% 2 %}"}]}"#, &["Arguments/a[0]", "Arguments/a[1]/b"]);
    check("Items", r#"[1,"{% 2 %}"]"#, &["Items[1]"]);
    check("Output", r#"{"a":["{% x","x %}","{%}",1]}"#, &[]);
}

#[test]
fn variables_are_listed() {
    let mut names = Vec::new();
    let source = r#"{"a.$":"$x.y","b":[{"c.$":"States.Format('{}{}', $y, $.z)"}],"d.$":"$$.x"}"#;
    compile(source).for_each_variable(&mut |name| names.push(name.to_string()));
    assert_eq!(names, ["x", "y"]);
}
