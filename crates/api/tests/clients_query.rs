//! STS and IAM as clients see them: forms in, XML out.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may stop where it stands

mod common;

use std::collections::BTreeMap;

use bytes::Bytes;
use common::{Client, Server, request};
use http_body_util::Full;
use hyper::Request;
use hyper::header::HeaderName;
use stepwell_api::{Access, Key};
use stepwell_iam::{Body, PathStyle, SignedRequest, Signer};

const TRUST: &str = "%7B%22Version%22%3A%20%222012-10-17%22%2C%22Statement%22%3A%5B%5D%7D";

fn form(body: &str) -> Request<Full<Bytes>> {
    Request::post("/")
        .header("host", "localhost")
        .header("content-type", "application/x-www-form-urlencoded; charset=utf-8")
        .body(Full::new(Bytes::from(body.to_owned())))
        .unwrap()
}

/// Rows of (form, status, what the answer contains, parts separated by `…`).
async fn check(client: &mut Client, rows: &[(&str, u16, &str)]) {
    for (index, (body, status, expected)) in rows.iter().enumerate() {
        let (response, answer) = client.send(form(&body.replace("TRUST", TRUST))).await;
        let place = format!("row {index}: {body}\n{answer}");
        assert_eq!(response.status(), *status, "{place}");
        assert_eq!(response.headers()["content-type"], "text/xml", "{place}");
        assert!(answer.contains("<RequestId>"), "{place}");
        let mut rest = answer.as_str();
        for part in expected.split('…') {
            let at = rest.find(part).unwrap_or_else(|| panic!("{place}\nlacks {part}"));
            rest = &rest[at + part.len()..];
        }
    }
}

#[tokio::test]
async fn a_role_lives_and_dies() {
    let server = Server::start(Access::default()).await;
    let mut client = server.client().await;
    let rows = [
        (
            "Action=GetRole&Version=2010-05-08&RoleName=sfn",
            404,
            "<Error><Type>Sender</Type><Code>NoSuchEntity</Code><Message>The role with name sfn cannot be found.<",
        ),
        (
            "Action=CreateRole&Version=2010-05-08&RoleName=sfn&Path=/service-role/&Description=d%26d&AssumeRolePolicyDocument=TRUST&Tags.member.1.Key=a&Tags.member.1.Value=1",
            200,
            "<CreateRoleResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><CreateRoleResult><Role><Path>/service-role/</Path><RoleName>sfn</RoleName><RoleId>AROA…<Arn>arn:aws:iam::123456789012:role/service-role/sfn</Arn>…<AssumeRolePolicyDocument>%7B%22Version%22%3A%20%222012-10-17%22…<Description>d&amp;d</Description><MaxSessionDuration>3600</MaxSessionDuration><Tags><member><Key>a</Key><Value>1</Value></member></Tags>",
        ),
        (
            "Action=CreateRole&RoleName=SFN&AssumeRolePolicyDocument=TRUST",
            409,
            "EntityAlreadyExists</Code><Message>Role with name SFN already exists.",
        ),
        (
            "Action=GetRole&RoleName=Sfn",
            200,
            "<GetRoleResult><Role>…<RoleName>sfn</RoleName>…<RoleLastUsed></RoleLastUsed>",
        ),
        (
            "Action=PutRolePolicy&RoleName=sfn&PolicyName=b&PolicyDocument=TRUST",
            200,
            "<PutRolePolicyResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><ResponseMetadata>",
        ),
        ("Action=PutRolePolicy&RoleName=sfn&PolicyName=a&PolicyDocument=TRUST", 200, ""),
        ("Action=PutRolePolicy&RoleName=sfn&PolicyName=a&PolicyDocument=%7B%22Statement%22%3A%7B%7D%7D", 200, ""),
        (
            "Action=ListRolePolicies&RoleName=sfn",
            200,
            "<PolicyNames><member>a</member><member>b</member></PolicyNames><IsTruncated>false<",
        ),
        (
            "Action=GetRolePolicy&RoleName=sfn&PolicyName=a",
            200,
            "<RoleName>sfn</RoleName><PolicyName>a</PolicyName><PolicyDocument>%7B%22Statement%22%3A%7B%7D%7D<",
        ),
        (
            "Action=GetRolePolicy&RoleName=sfn&PolicyName=c",
            404,
            "NoSuchEntity</Code><Message>The role policy with name c cannot be found.",
        ),
        (
            "Action=AttachRolePolicy&RoleName=sfn&PolicyArn=arn:aws:iam::aws:policy/service-role/AWSLambdaRole",
            200,
            "<AttachRolePolicyResponse",
        ),
        ("Action=AttachRolePolicy&RoleName=sfn&PolicyArn=arn:aws:iam::aws:policy/service-role/AWSLambdaRole", 200, ""),
        (
            "Action=ListAttachedRolePolicies&RoleName=sfn",
            200,
            "<AttachedPolicies><member><PolicyName>AWSLambdaRole</PolicyName><PolicyArn>arn:aws:iam::aws:policy/service-role/AWSLambdaRole</PolicyArn></member></AttachedPolicies>",
        ),
        (
            "Action=TagRole&RoleName=sfn&Tags.member.1.Key=a&Tags.member.1.Value=2&Tags.member.2.Key=b&Tags.member.2.Value=",
            200,
            "",
        ),
        ("Action=UntagRole&RoleName=sfn&TagKeys.member.1=b", 200, ""),
        (
            "Action=ListRoleTags&RoleName=sfn",
            200,
            "<Tags><member><Key>a</Key><Value>2</Value></member></Tags><IsTruncated>false",
        ),
        ("Action=ListInstanceProfilesForRole&RoleName=sfn", 200, "<InstanceProfiles></InstanceProfiles>"),
        ("Action=UpdateRole&RoleName=sfn&MaxSessionDuration=7200", 200, "<UpdateRoleResult></UpdateRoleResult>"),
        ("Action=UpdateAssumeRolePolicy&RoleName=sfn&PolicyDocument=%7B%22Statement%22%3A%5B%5D%7D", 200, ""),
        (
            "Action=GetRole&RoleName=sfn",
            200,
            "%7B%22Statement%22%3A%5B%5D%7D<…<Description>d&amp;d<…<MaxSessionDuration>7200<",
        ),
        (
            "Action=UpdateRoleDescription&RoleName=sfn&Description=new",
            200,
            "<UpdateRoleDescriptionResult><Role>…<Description>new<",
        ),
        ("Action=PutRolePermissionsBoundary&RoleName=sfn&PermissionsBoundary=arn:aws:iam::aws:policy/B", 200, ""),
        (
            "Action=GetRole&RoleName=sfn",
            200,
            "<PermissionsBoundary><PermissionsBoundaryType>Policy</PermissionsBoundaryType><PermissionsBoundaryArn>arn:aws:iam::aws:policy/B<",
        ),
        ("Action=DeleteRolePermissionsBoundary&RoleName=sfn", 200, ""),
        ("Action=CreateRole&RoleName=other&AssumeRolePolicyDocument=TRUST", 200, ""),
        (
            "Action=ListRoles&MaxItems=1",
            200,
            "<RoleName>other</RoleName>…<IsTruncated>true</IsTruncated><Marker>other<",
        ),
        (
            "Action=ListRoles&MaxItems=1&Marker=other",
            200,
            "<RoleName>sfn</RoleName>…<IsTruncated>false</IsTruncated></",
        ),
        ("Action=ListRoles&PathPrefix=/service-role/", 200, "<RoleName>sfn</RoleName>"),
        (
            "Action=DeleteRole&RoleName=sfn",
            409,
            "DeleteConflict</Code><Message>Cannot delete entity, must delete policies first.",
        ),
        ("Action=DeleteRolePolicy&RoleName=sfn&PolicyName=a", 200, ""),
        ("Action=DeleteRolePolicy&RoleName=sfn&PolicyName=a", 404, "NoSuchEntity"),
        ("Action=DeleteRolePolicy&RoleName=sfn&PolicyName=b", 200, ""),
        ("Action=DeleteRole&RoleName=sfn", 409, "must detach all policies first."),
        ("Action=DetachRolePolicy&RoleName=sfn&PolicyArn=arn:aws:iam::aws:policy/service-role/AWSLambdaRole", 200, ""),
        (
            "Action=DetachRolePolicy&RoleName=sfn&PolicyArn=arn:aws:iam::aws:policy/service-role/AWSLambdaRole",
            404,
            "was not found",
        ),
        ("Action=DeleteRole&RoleName=sfn", 200, "<DeleteRoleResponse"),
        ("Action=DeleteRole&RoleName=sfn", 404, "NoSuchEntity"),
    ];
    check(&mut client, &rows).await;
    server.stop().await;
}

#[tokio::test]
async fn what_is_refused() {
    let server = Server::start(Access::default()).await;
    let mut client = server.client().await;
    let long = format!("Action=CreateRole&AssumeRolePolicyDocument=TRUST&RoleName={}", "x".repeat(65));
    let rows = [
        ("", 400, "<Code>MissingAction</Code>"),
        (
            "Action=RunInstances&Version=2016-11-15",
            400,
            "<Code>InvalidAction</Code><Message>Could not find operation RunInstances for version 2016-11-15<",
        ),
        (
            "Action=AssumeRoleWithSAML&Version=2011-06-15",
            400,
            "xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"…InvalidAction",
        ),
        ("Action=CreateUser&Version=2010-05-08", 400, "Could not find operation CreateUser for version 2010-05-08"),
        (
            "Action=GetRole",
            400,
            "ValidationError</Code><Message>1 validation error detected: Value null at 'roleName' failed to satisfy constraint: Member must not be null",
        ),
        (
            "Action=GetRole&RoleName=a%20b",
            400,
            "Value 'a b' at 'roleName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]+",
        ),
        (&long, 400, "Member must have length less than or equal to 64"),
        (
            "Action=CreateRole&RoleName=r&AssumeRolePolicyDocument=x",
            400,
            "MalformedPolicyDocument</Code><Message>This policy contains invalid Json",
        ),
        ("Action=CreateRole&RoleName=r&AssumeRolePolicyDocument=1", 400, "MalformedPolicyDocument"),
        (
            "Action=CreateRole&RoleName=r&Path=x&AssumeRolePolicyDocument=TRUST",
            400,
            "The specified value for path is invalid.",
        ),
        (
            "Action=CreateRole&RoleName=r&MaxSessionDuration=5&AssumeRolePolicyDocument=TRUST",
            400,
            "greater than or equal to 3600",
        ),
        ("Action=AttachRolePolicy&RoleName=r&PolicyArn=x", 400, "ARN x is not valid."),
        ("Action=AssumeRole&RoleArn=arn:aws:iam::123456789012:role/r", 400, "Value null at 'roleSessionName'"),
        ("Action=AssumeRole&RoleArn=x&RoleSessionName=session", 400, "x is invalid"),
        (
            "Action=AssumeRole&RoleArn=arn:aws:iam::123456789012:role/r&RoleSessionName=session&DurationSeconds=1",
            400,
            "greater than or equal to 900",
        ),
        ("Action=GetRole&RoleName=%01%3C", 400, "Value '\u{fffd}&lt;' at"),
    ];
    check(&mut client, &rows).await;
    // Nothing is changed by a link in a web page.
    let get = |url: &str| Request::get(url).header("host", "h").body(Full::default()).unwrap();
    assert_eq!(client.send(get("/?Action=DeleteRole&RoleName=r")).await.0.status(), 405);
    assert_eq!(client.send(get("/?Action=GetCallerIdentity&Version=2011-06-15")).await.0.status(), 200);
    let mut foreign = form("Action=GetCallerIdentity");
    foreign.headers_mut().insert("origin", "https://example.com".parse().unwrap());
    assert_eq!(client.send(foreign).await.0.status(), 403);
    server.stop().await;
}

/// Signs a request as an SDK does.
fn signed(server: &Server, mut unsigned: Request<Full<Bytes>>, body: &str, signer: &Signer) -> Request<Full<Bytes>> {
    let owned: Vec<(String, String)> =
        unsigned.headers().iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    let headers: Vec<(&str, &str)> = owned.iter().map(|(name, value)| (&**name, &**value)).collect();
    let to_sign =
        SignedRequest { method: "POST", path: "/", query: "", headers: &headers, body: Body::Bytes(body.as_bytes()) };
    for (name, value) in signer.sign(&to_sign, server.handle.now()) {
        unsigned.headers_mut().insert(HeaderName::try_from(name).unwrap(), value.parse().unwrap());
    }
    unsigned
}

fn signer(access_key: &str, secret: &str, service: &str) -> Signer {
    Signer {
        access_key: access_key.to_owned(),
        secret: secret.to_owned(),
        session_token: None,
        region: "eu-central-1".to_owned(),
        service: service.to_owned(),
        path_style: PathStyle::Normalized,
    }
}

fn between<'a>(text: &'a str, name: &str) -> &'a str {
    let (_, rest) = text.split_once(&format!("<{name}>")).unwrap_or_else(|| panic!("{text} lacks {name}"));
    rest.split_once(&format!("</{name}>")).unwrap().0
}

#[tokio::test]
async fn an_assumed_role_may_call() {
    let key = Key { secret: "secret".into(), account: "111122223333".into() };
    let server = Server::start(Access::Keys(BTreeMap::from([("AKID".to_owned(), key)]))).await;
    let mut client = server.client().await;
    let who = "Action=GetCallerIdentity&Version=2011-06-15";
    let (response, body) = client.send(form(who)).await;
    assert_eq!((response.status().as_u16(), between(&body, "Code")), (403, "MissingAuthenticationToken"));
    let (_, body) = client.send(signed(&server, form(who), who, &signer("AKID", "wrong", "sts"))).await;
    assert_eq!(between(&body, "Code"), "SignatureDoesNotMatch");
    let (_, body) = client.send(signed(&server, form(who), who, &signer("OTHER", "secret", "sts"))).await;
    assert_eq!(between(&body, "Code"), "InvalidClientTokenId");
    let key = signer("AKID", "secret", "sts");
    let (_, body) = client.send(signed(&server, form(who), who, &key)).await;
    assert_eq!(between(&body, "Arn"), "arn:aws:iam::111122223333:user/AKID");
    assert_eq!(between(&body, "Account"), "111122223333");

    let foreign = "Action=AssumeRole&RoleArn=arn:aws:iam::999900009999:role/r&RoleSessionName=session";
    let (response, body) = client.send(signed(&server, form(foreign), foreign, &key)).await;
    assert_eq!((response.status().as_u16(), between(&body, "Code")), (403, "AccessDenied"));
    let own = "Action=AssumeRole&RoleArn=arn:aws:iam::111122223333:role/r&RoleSessionName=session";
    let (_, body) = client.send(signed(&server, form(own), own, &key)).await;
    let mut session = signer(between(&body, "AccessKeyId"), between(&body, "SecretAccessKey"), "states");
    session.session_token = Some(between(&body, "SessionToken").to_owned());
    let call = request("CreateActivity", r#"{"name":"a"}"#);
    let (response, body) = client.send(signed(&server, call, r#"{"name":"a"}"#, &session)).await;
    assert_eq!(response.status(), 200, "{body}");
    assert!(body.contains("arn:aws:states:eu-central-1:111122223333:activity:a"), "{body}");
    session.service = "sts".to_owned();
    let (_, body) = client.send(signed(&server, form(who), who, &session)).await;
    assert_eq!(between(&body, "Arn"), "arn:aws:sts::111122223333:assumed-role/r/session");
    session.session_token = Some("forged".to_owned());
    let (_, body) = client.send(signed(&server, form(who), who, &session)).await;
    assert_eq!(between(&body, "Code"), "InvalidClientTokenId");
    server.stop().await;
}
