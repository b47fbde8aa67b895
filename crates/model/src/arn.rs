//! ARNs of Step Functions.
//!
//! | resource | form after `arn:PARTITION:states:REGION:ACCOUNT:` |
//! |---|---|
//! | state machine | `stateMachine:NAME`, `stateMachine:NAME:VERSION`, `stateMachine:NAME:ALIAS`, `stateMachine:NAME/LABEL` |
//! | execution | `execution:NAME:EXECUTION`, `execution:NAME/LABEL:EXECUTION`, `express:NAME:EXECUTION:ID` |
//! | Map Run | `mapRun:NAME/LABEL:ID` |
//! | activity | `activity:NAME` |
//!
//! A label names the Distributed Map state whose children run as executions of their own.

use std::fmt;
use std::sync::Arc;

use crate::ApiError;

/// Where a resource is: partition, region and account.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Scope {
    /// `aws`, `aws-cn`, `aws-us-gov`.
    pub partition: Arc<str>,
    /// `eu-west-1`.
    pub region: Arc<str>,
    /// Twelve digits.
    pub account: Arc<str>,
}

impl Scope {
    /// The scope of an account in a region; the partition follows from the region.
    pub fn new(region: &str, account: &str) -> Scope {
        let partition = match region {
            _ if region.starts_with("cn-") => "aws-cn",
            _ if region.starts_with("us-gov-") => "aws-us-gov",
            _ if region.starts_with("us-iso-") => "aws-iso",
            _ if region.starts_with("us-isob-") => "aws-iso-b",
            _ if region.starts_with("eu-isoe-") => "aws-iso-e",
            _ if region.starts_with("us-isof-") => "aws-iso-f",
            _ if region.starts_with("eusc-") => "aws-eusc",
            _ => "aws",
        };
        Scope { partition: partition.into(), region: region.into(), account: account.into() }
    }

    /// Whether the region is one of the partition.
    pub fn is_consistent(&self) -> bool {
        *self == Scope::new(&self.region, &self.account)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "arn:{}:states:{}:{}", self.partition, self.region, self.account)
    }
}

/// What stands behind the name of a state machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Qualifier {
    /// A published version, from 1.
    Version(u64),
    /// The name of an alias.
    Alias(Arc<str>),
}

impl fmt::Display for Qualifier {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Qualifier::Version(version) => write!(out, "{version}"),
            Qualifier::Alias(alias) => out.write_str(alias),
        }
    }
}

/// A state machine, one of its versions or aliases, or the machine inside one of its Distributed Maps.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StateMachineArn {
    /// Where it is.
    pub scope: Scope,
    /// Its name.
    pub name: Arc<str>,
    /// The Distributed Map meant.
    pub label: Option<Arc<str>>,
    /// The version or alias meant.
    pub qualifier: Option<Qualifier>,
}

/// An execution, Standard or Express.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExecutionArn {
    /// Where it is.
    pub scope: Scope,
    /// The name of its state machine.
    pub state_machine: Arc<str>,
    /// The Distributed Map that started it.
    pub label: Option<Arc<str>>,
    /// Its own name.
    pub name: Arc<str>,
    /// What tells Express executions of one name apart; `None` for a Standard one.
    pub express_id: Option<Arc<str>>,
}

/// A run of a Distributed Map.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MapRunArn {
    /// Where it is.
    pub scope: Scope,
    /// The name of the state machine.
    pub state_machine: Arc<str>,
    /// The Distributed Map.
    pub label: Arc<str>,
    /// What tells its runs apart.
    pub id: Arc<str>,
}

/// An activity.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ActivityArn {
    /// Where it is.
    pub scope: Scope,
    /// Its name.
    pub name: Arc<str>,
}

/// Any ARN of Step Functions.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Arn {
    /// `stateMachine:…`
    StateMachine(StateMachineArn),
    /// `execution:…` or `express:…`
    Execution(ExecutionArn),
    /// `mapRun:…`
    MapRun(MapRunArn),
    /// `activity:…`
    Activity(ActivityArn),
}

impl Arn {
    /// Takes an ARN apart.
    ///
    /// # Errors
    /// InvalidArn when the text is not an ARN of Step Functions.
    pub fn parse(text: &str) -> Result<Arn, ApiError> {
        let (scope, resource) = split(text)?;
        let parts: Vec<&str> = resource.split(':').collect();
        if parts.iter().any(|part| part.is_empty()) {
            return Err(malformed(text));
        }
        match parts.as_slice() {
            ["stateMachine", name] => Ok(Arn::StateMachine(state_machine(scope, name, None))),
            ["stateMachine", name, qualifier] => Ok(Arn::StateMachine(state_machine(scope, name, Some(qualifier)))),
            ["execution", machine, name] => Ok(Arn::Execution(execution(scope, machine, name, None))),
            ["express", machine, name, id] => Ok(Arn::Execution(execution(scope, machine, name, Some(id)))),
            ["mapRun", machine, id] => map_run(scope, machine, id).ok_or_else(|| malformed(text)),
            ["activity", name] => Ok(Arn::Activity(ActivityArn { scope, name: (*name).into() })),
            ["stateMachine" | "execution" | "express" | "mapRun" | "activity", ..] | [] => Err(malformed(text)),
            [other, ..] => Err(wrong_type(other)),
        }
    }

    /// Where the resource is.
    pub fn scope(&self) -> &Scope {
        match self {
            Arn::StateMachine(arn) => &arn.scope,
            Arn::Execution(arn) => &arn.scope,
            Arn::MapRun(arn) => &arn.scope,
            Arn::Activity(arn) => &arn.scope,
        }
    }

    /// The word that names the type: `stateMachine`, `execution`, `express`, `mapRun`, `activity`.
    pub fn resource_type(&self) -> &'static str {
        match self {
            Arn::StateMachine(_) => "stateMachine",
            Arn::Execution(arn) => arn.resource_type(),
            Arn::MapRun(_) => "mapRun",
            Arn::Activity(_) => "activity",
        }
    }
}

/// Scope and resource of `arn:PARTITION:states:REGION:ACCOUNT:RESOURCE`.
fn split(text: &str) -> Result<(Scope, &str), ApiError> {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    match parts.as_slice() {
        // recorded: test_describe_invalid_arn_sm
        [first, ..] if *first != "arn" => Err(ApiError::invalid_arn(&format!("Invalid ARN prefix: {text}"))),
        [_, partition, "states", region, account, resource]
            if !(partition.is_empty() || region.is_empty() || account.is_empty()) =>
        {
            let scope = Scope { partition: (*partition).into(), region: (*region).into(), account: (*account).into() };
            Ok((scope, resource))
        }
        [_, _, service, _, _, _] if *service != "states" => {
            Err(ApiError::invalid_arn(&format!("Invalid ARN service: {text}")))
        }
        _ if text == "arn" => Err(ApiError::invalid_arn(&format!("Invalid ARN prefix: {text}"))),
        _ => Err(malformed(text)),
    }
}

fn malformed(text: &str) -> ApiError {
    ApiError::invalid_arn(&format!("Invalid ARN resource: {text}"))
}

/// Recorded: test_start_async_describe_history_execution.
fn wrong_type(resource_type: &str) -> ApiError {
    ApiError::invalid_arn(&format!("Resource type not valid in this context: {resource_type}"))
}

fn split_label(name: &str) -> (Arc<str>, Option<Arc<str>>) {
    match name.split_once('/') {
        Some((name, label)) => (name.into(), Some(label.into())),
        None => (name.into(), None),
    }
}

fn state_machine(scope: Scope, name: &str, qualifier: Option<&str>) -> StateMachineArn {
    let (name, label) = split_label(name);
    let qualifier = qualifier.map(|text| match text.parse() {
        Ok(version) if version > 0 && text == u64::to_string(&version) => Qualifier::Version(version), // `01` is none
        _ => Qualifier::Alias(text.into()),
    });
    StateMachineArn { scope, name, label, qualifier }
}

fn execution(scope: Scope, machine: &str, name: &str, express_id: Option<&str>) -> ExecutionArn {
    let (state_machine, label) = split_label(machine);
    ExecutionArn { scope, state_machine, label, name: name.into(), express_id: express_id.map(Arc::from) }
}

fn map_run(scope: Scope, machine: &str, id: &str) -> Option<Arn> {
    let (state_machine, label) = machine.split_once('/')?;
    let (state_machine, label) = (state_machine.into(), label.into());
    Some(Arn::MapRun(MapRunArn { scope, state_machine, label, id: id.into() }))
}

impl StateMachineArn {
    /// The ARN of a state machine.
    pub fn new(scope: &Scope, name: &str) -> StateMachineArn {
        StateMachineArn { scope: scope.clone(), name: name.into(), label: None, qualifier: None }
    }

    /// Takes the ARN of a state machine apart, qualified and labelled ones too.
    ///
    /// # Errors
    /// InvalidArn when it is not one.
    pub fn parse(text: &str) -> Result<StateMachineArn, ApiError> {
        match Arn::parse(text)? {
            Arn::StateMachine(arn) => Ok(arn),
            other => Err(wrong_type(other.resource_type())),
        }
    }

    /// The state machine itself, without version, alias and label.
    pub fn unqualified(&self) -> StateMachineArn {
        StateMachineArn { qualifier: None, label: None, ..self.clone() }
    }

    /// A version of it.
    pub fn with_version(&self, version: u64) -> StateMachineArn {
        StateMachineArn { qualifier: Some(Qualifier::Version(version)), ..self.clone() }
    }

    /// An alias of it.
    pub fn with_alias(&self, alias: &str) -> StateMachineArn {
        StateMachineArn { qualifier: Some(Qualifier::Alias(alias.into())), ..self.clone() }
    }

    /// The machine inside one of its Distributed Maps.
    pub fn with_label(&self, label: &str) -> StateMachineArn {
        StateMachineArn { label: Some(label.into()), ..self.clone() }
    }

    /// The version meant, when one is.
    pub fn version(&self) -> Option<u64> {
        match self.qualifier {
            Some(Qualifier::Version(version)) => Some(version),
            _ => None,
        }
    }

    /// The alias meant, when one is.
    pub fn alias(&self) -> Option<&str> {
        match &self.qualifier {
            Some(Qualifier::Alias(alias)) => Some(alias),
            _ => None,
        }
    }

    /// A Standard execution of it.
    pub fn execution(&self, name: &str) -> ExecutionArn {
        ExecutionArn {
            scope: self.scope.clone(),
            state_machine: Arc::clone(&self.name),
            label: self.label.clone(),
            name: name.into(),
            express_id: None,
        }
    }

    /// An Express execution of it.
    pub fn express(&self, name: &str, id: &str) -> ExecutionArn {
        ExecutionArn { express_id: Some(id.into()), ..self.execution(name) }
    }

    /// A run of one of its Distributed Maps.
    pub fn map_run(&self, label: &str, id: &str) -> MapRunArn {
        let state_machine = Arc::clone(&self.name);
        MapRunArn { scope: self.scope.clone(), state_machine, label: label.into(), id: id.into() }
    }
}

impl ExecutionArn {
    /// Takes the ARN of a Standard execution apart.
    ///
    /// # Errors
    /// InvalidArn when it is not one; Express executions are refused, as DescribeExecution, StopExecution and
    /// GetExecutionHistory do.
    pub fn parse(text: &str) -> Result<ExecutionArn, ApiError> {
        match ExecutionArn::parse_any(text)? {
            arn if arn.express_id.is_none() => Ok(arn),
            express => Err(wrong_type(express.resource_type())),
        }
    }

    /// Takes the ARN of an execution apart, Standard or Express.
    ///
    /// # Errors
    /// InvalidArn when it is not one.
    pub fn parse_any(text: &str) -> Result<ExecutionArn, ApiError> {
        match Arn::parse(text)? {
            Arn::Execution(arn) => Ok(arn),
            other => Err(wrong_type(other.resource_type())),
        }
    }

    /// Its state machine, without version and alias, which the ARN does not tell.
    pub fn state_machine_arn(&self) -> StateMachineArn {
        StateMachineArn {
            scope: self.scope.clone(),
            name: Arc::clone(&self.state_machine),
            label: self.label.clone(),
            qualifier: None,
        }
    }

    fn resource_type(&self) -> &'static str {
        if self.express_id.is_some() { "express" } else { "execution" }
    }
}

impl MapRunArn {
    /// Takes the ARN of a Map Run apart.
    ///
    /// # Errors
    /// InvalidArn when it is not one.
    pub fn parse(text: &str) -> Result<MapRunArn, ApiError> {
        match Arn::parse(text)? {
            Arn::MapRun(arn) => Ok(arn),
            other => Err(wrong_type(other.resource_type())),
        }
    }

    /// The machine inside the Distributed Map.
    pub fn state_machine_arn(&self) -> StateMachineArn {
        StateMachineArn::new(&self.scope, &self.state_machine).with_label(&self.label)
    }
}

impl ActivityArn {
    /// The ARN of an activity.
    pub fn new(scope: &Scope, name: &str) -> ActivityArn {
        ActivityArn { scope: scope.clone(), name: name.into() }
    }

    /// Takes the ARN of an activity apart.
    ///
    /// # Errors
    /// InvalidArn when it is not one.
    pub fn parse(text: &str) -> Result<ActivityArn, ApiError> {
        match Arn::parse(text)? {
            Arn::Activity(arn) => Ok(arn),
            other => Err(wrong_type(other.resource_type())),
        }
    }
}

fn write_label(out: &mut fmt::Formatter<'_>, label: Option<&str>) -> fmt::Result {
    label.map_or(Ok(()), |label| write!(out, "/{label}"))
}

impl fmt::Display for StateMachineArn {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:stateMachine:{}", self.scope, self.name)?;
        write_label(out, self.label.as_deref())?;
        self.qualifier.as_ref().map_or(Ok(()), |qualifier| write!(out, ":{qualifier}"))
    }
}

impl fmt::Display for ExecutionArn {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}:{}", self.scope, self.resource_type(), self.state_machine)?;
        write_label(out, self.label.as_deref())?;
        write!(out, ":{}", self.name)?;
        self.express_id.as_ref().map_or(Ok(()), |id| write!(out, ":{id}"))
    }
}

impl fmt::Display for MapRunArn {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:mapRun:{}/{}:{}", self.scope, self.state_machine, self.label, self.id)
    }
}

impl fmt::Display for ActivityArn {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:activity:{}", self.scope, self.name)
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Arn::StateMachine(arn) => arn.fmt(out),
            Arn::Execution(arn) => arn.fmt(out),
            Arn::MapRun(arn) => arn.fmt(out),
            Arn::Activity(arn) => arn.fmt(out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ActivityArn, Arn, ExecutionArn, MapRunArn, Qualifier, Scope, StateMachineArn};
    use crate::ApiError;

    #[track_caller]
    fn check_round_trip(resource: &str, resource_type: &str) {
        let text = format!("arn:aws:states:eu-west-1:123456789012:{resource}");
        let arn = Arn::parse(&text).unwrap();
        assert_eq!(arn.to_string(), text);
        assert_eq!(arn.resource_type(), resource_type);
        assert_eq!(arn.scope(), &Scope::new("eu-west-1", "123456789012"));
    }

    #[test]
    fn round_trips() {
        check_round_trip("stateMachine:m", "stateMachine");
        check_round_trip("stateMachine:m:7", "stateMachine");
        check_round_trip("stateMachine:m:PROD", "stateMachine");
        check_round_trip("stateMachine:m/Label", "stateMachine");
        check_round_trip("execution:m:e", "execution");
        check_round_trip("execution:m/Label:e", "execution");
        check_round_trip("express:m:e:8c3cbb22-4a1b-44b8-bb8a-8a3d4f2f9f7d", "express");
        check_round_trip("mapRun:m/Label:8c3cbb22", "mapRun");
        check_round_trip("activity:a", "activity");
    }

    #[track_caller]
    fn check_refused<T: std::fmt::Debug>(parsed: Result<T, ApiError>, quoted: &str) {
        let error = parsed.unwrap_err();
        assert_eq!((error.code, error.message), ("InvalidArn", format!("Invalid Arn: '{quoted}'")));
    }

    #[test]
    fn refusals() {
        // recorded: test_describe_invalid_arn_sm, test_get_activity_task_invalid_arn
        check_refused(StateMachineArn::parse("not_a_valid_arn"), "Invalid ARN prefix: not_a_valid_arn");
        check_refused(ActivityArn::parse("no_an_activity_arn"), "Invalid ARN prefix: no_an_activity_arn");
        // recorded: test_start_async_describe_history_execution
        check_refused(
            ExecutionArn::parse("arn:aws:states:eu-west-1:1:express:m:e:1"),
            "Resource type not valid in this context: express",
        );
        let machine = "arn:aws:states:eu-west-1:1:stateMachine:m";
        check_refused(ExecutionArn::parse(machine), "Resource type not valid in this context: stateMachine");
        check_refused(MapRunArn::parse(machine), "Resource type not valid in this context: stateMachine");
        check_refused(Arn::parse("arn:aws:states:eu-west-1:1:x:m"), "Resource type not valid in this context: x");
        check_refused(Arn::parse("arn"), "Invalid ARN prefix: arn");
        for text in
            ["arn:aws:states:eu-west-1:1:stateMachine", "arn:aws:states:eu-west-1", "arn:aws:states::1:activity:a"]
        {
            check_refused(Arn::parse(text), &format!("Invalid ARN resource: {text}"));
        }
        let lambda = "arn:aws:lambda:eu-west-1:1:function:f";
        check_refused(Arn::parse(lambda), &format!("Invalid ARN service: {lambda}"));
    }

    #[test]
    fn regions_are_of_partitions() {
        for (region, partition) in [
            ("eu-west-1", "aws"),
            ("cn-north-1", "aws-cn"),
            ("us-gov-east-1", "aws-us-gov"),
            ("us-iso-east-1", "aws-iso"),
            ("eusc-de-east-1", "aws-eusc"),
        ] {
            let scope = Scope::new(region, "1");
            assert_eq!(&*scope.partition, partition);
            assert!(scope.is_consistent());
            assert!(!Scope { partition: "aws-x".into(), ..scope }.is_consistent());
        }
    }

    #[test]
    fn parts() {
        let machine = StateMachineArn::new(&Scope::new("cn-north-1", "1"), "m");
        assert_eq!(machine.to_string(), "arn:aws-cn:states:cn-north-1:1:stateMachine:m");
        assert_eq!(machine.with_version(3).version(), Some(3));
        assert_eq!(machine.with_alias("PROD").alias(), Some("PROD"));
        assert_eq!(machine.with_version(3).unqualified(), machine);
        assert_eq!(machine.execution("e").state_machine_arn(), machine);
        assert_eq!(machine.express("e", "1").to_string(), "arn:aws-cn:states:cn-north-1:1:express:m:e:1");
        assert_eq!(machine.map_run("L", "1").state_machine_arn(), machine.with_label("L"));
        let qualifier = |text: &str| {
            StateMachineArn::parse(&format!("arn:aws:states:r:1:stateMachine:m:{text}")).unwrap().qualifier.unwrap()
        };
        assert_eq!(qualifier("12"), Qualifier::Version(12));
        for no_version in ["01", "0", "+1", "PROD"] {
            assert_eq!(qualifier(no_version), Qualifier::Alias(no_version.into()));
        }
    }
}
